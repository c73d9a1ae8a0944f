import { type ContentState, type Message, SchemaRegistry } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { numberField, sizedField } from '../../grpc-adapter/src/schemas/wire.ts';
import { fieldLines, fieldsDocument, fieldsReader } from '../src/message-fields.ts';

const field = (name: string, number: number, label: number): Uint8Array =>
  sizedField(
    2,
    Buffer.concat([sizedField(1, name), numberField(3, number), numberField(4, label), numberField(5, 9)]),
  );
const schema = sizedField(
  1,
  Buffer.concat([
    sizedField(1, 'a.proto'),
    sizedField(2, 'a'),
    sizedField(4, Buffer.concat([sizedField(1, 'List'), field('name', 1, 1), field('items', 2, 3)])),
    sizedField(
      6,
      Buffer.concat([
        sizedField(1, 'S'),
        sizedField(
          2,
          Buffer.concat([sizedField(1, 'M'), sizedField(2, '.a.List'), sizedField(3, '.a.List')]),
        ),
      ]),
    ),
  ]),
);
const registry = new SchemaRegistry();
registry.add(schema);
const call = anExchange({ protocol: 'grpc', request: { target: '/a.S/M' } });
const read = fieldsReader(call, registry);
const message = (data: Uint8Array, state: ContentState = 'kept'): Message => ({
  seq: 1,
  at: 1,
  kind: 0,
  size: data.length,
  state,
  data,
});
const linesOf = (data: Uint8Array): string[] => {
  const found = read('request', message(data));
  return found === undefined ? [] : fieldLines(found);
};

test('fields are shown as lines of JSON, tokens with their kind', () => {
  const token = 'mk_email_AAAAAAAAAAAAAAAAAAAAAA';
  const data = Buffer.concat([sizedField(1, '[REDACTED]'), sizedField(2, token), sizedField(2, 'plain')]);
  const lines = linesOf(data);
  expect(lines[1]).toBe('  "name": "[REDACTED]",   (masked: redacted)');
  expect(lines.at(-3)).toBe('    "plain"');
  const found = read('request', message(data));
  expect(found && fieldsDocument(found)).toMatchObject({
    type: 'a.List',
    fields: { name: '[REDACTED]', items: [token, 'plain'] },
    masked: expect.arrayContaining([{ pointer: '/name', kind: 'redacted' }]),
  });
});

test('no message fills the screen', () => {
  const many = linesOf(Buffer.concat(Array.from({ length: 5000 }, () => sizedField(2, 'x'))));
  expect(many.length).toBeLessThan(410);
  expect(many.at(-1)).toMatch(/^\[\d+ more lines\]$/);
  const long = linesOf(sizedField(1, 'y'.repeat(1_000_000)));
  expect(long.join('').length).toBeLessThan(70_000);
  expect(linesOf(Buffer.concat(Array.from({ length: 30_000 }, () => sizedField(2, 'x'))))).toEqual([
    '[not to be read as a.List: protobuf-size]',
  ]);
  const unknown = linesOf(Buffer.concat(Array.from({ length: 60 }, () => sizedField(9, 'x'))));
  expect(unknown.at(-1)).toBe('[10 more of the kind]');
});

test('nothing that a terminal acts on is shown', () => {
  expect(linesOf(sizedField(1, '\u202e\u009b31m')).join('')).not.toMatch(/[\u202e\u009b]/);
});

test('what was dropped, is of no call, or of a method that no schema knows, has no fields', () => {
  const empty = Buffer.alloc(0);
  expect(read('request', message(empty, 'dropped:size'))).toBeUndefined();
  expect(read('request', message(empty))?.view?.value).toEqual({});
  const other = anExchange({ protocol: 'grpc', request: { target: '/a.S/Other' } });
  expect(fieldsReader(other, registry)('request', message(empty))).toBeUndefined();
  expect(
    fieldsReader(anExchange({ request: { target: '/a.S/M' } }), registry)('request', message(empty)),
  ).toBeUndefined();
});

test('what only looks like the end of a masked value has no note', () => {
  expect(linesOf(sizedField(1, 'x "[REDACTED]'))[1]).toBe('  "name": "x \\"[REDACTED]"');
  expect(linesOf(sizedField(1, 'x: "[REDACTED]"'))[1]).toBe('  "name": "x: \\"[REDACTED]\\""');
  expect(linesOf(sizedField(1, 'x: [REDACTED]'))[1]).toBe('  "name": "x: [REDACTED]"');
});

test('a text of many megabytes is shown by its beginning', () => {
  const [, line = ''] = linesOf(sizedField(1, '\x01'.repeat(4_000_000)));
  expect(line).toMatch(/^ {2}"name": "(?:\\u0001){1000}/);
  expect(line.length).toBeLessThan(70_000);
});
