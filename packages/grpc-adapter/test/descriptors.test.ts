import { expect, test } from 'vitest';
import { descriptorSetOf } from '../src/descriptors.ts';

test('the files of a service are put into one set, each once', () => {
  const first = Buffer.alloc(200, 1);
  const second = Buffer.from([2, 3]);
  const files = [first, second];
  const service = {
    get: {
      path: '/a.B/Get',
      requestType: { fileDescriptorProtos: files },
      responseType: { fileDescriptorProtos: files },
    },
    put: { path: '/a.B/Put', requestType: { fileDescriptorProtos: [Buffer.from(second)] } },
  };
  const expected = Buffer.concat([Buffer.from([0x0a, 0xc8, 0x01]), first, Buffer.from([0x0a, 2]), second]);
  expect(Buffer.from(descriptorSetOf(service) ?? []).equals(expected)).toBe(true);
});

test('a service without descriptors has no set', () => {
  expect(descriptorSetOf({ get: { path: '/a.B/Get' } })).toBeUndefined();
  expect(descriptorSetOf({})).toBeUndefined();
});
