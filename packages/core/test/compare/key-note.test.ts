import { expect, test } from 'vitest';
import { keyNote } from '../../src/compare/key-note.ts';
import { createMasker } from '../../src/mask/create-masker.ts';
import { noMask } from '../../src/mask/masker.ts';

const key = { base64: Buffer.alloc(32, 7).toString('base64') };
const older = { base64: Buffer.alloc(32, 8).toString('base64') };
const summary = createMasker({ version: 1, key }).summary;

test('has nothing to say of one key and one policy, nor of what was not masked', () => {
  expect(keyNote(summary, createMasker({ version: 1, key: [key, older] }).summary)).toBeUndefined();
  expect(keyNote(noMask.summary, summary)).toBeUndefined();
  expect(keyNote(summary, noMask.summary)).toBeUndefined();
});

test('tells two keys apart, and what to do', () => {
  const note = keyNote(createMasker({ version: 1, key: older }).summary, summary);
  expect(note).toMatch(/made with the key [0-9a-f]{8}, those of now with [0-9a-f]{8}, so they do not join/);
  expect(note).toMatch(/give the key of the recording, or name it in the list of the policy's keys$/);
});

test('says that a key which ended with its recording cannot be given', () => {
  expect(keyNote(createMasker().summary, summary)).toMatch(
    /ended with its recording.*record with a mask key/,
  );
});

test('tells two policies apart', () => {
  const other = createMasker({ version: 1, key, disable: ['default/key/geo'] }).summary;
  expect(keyNote(other, summary)).toMatch(/masked by another policy/);
});
