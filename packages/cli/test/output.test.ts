import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Output, showBytes, showCount, showDuration } from '../src/output.ts';
import { memoryIo } from './support.ts';

test('text goes to standard output, notes and errors to standard error', async () => {
  const memory = memoryIo();
  const output = new Output(memory.io, { json: false, quiet: false });
  await output.text('result');
  await output.document({ not: 'shown' });
  output.note('note');
  output.error('error');
  await turn();
  expect(memory.stdout()).toBe('result\n');
  expect(memory.stderr()).toBe('note\ngardenhose: error\n');
});

test('with json only the document is on standard output', async () => {
  const memory = memoryIo();
  const output = new Output(memory.io, { json: true, quiet: false });
  await output.text('not shown');
  await output.document({ a: 1 });
  await turn();
  expect(JSON.parse(memory.stdout())).toEqual({ a: 1 });
});

test('quiet leaves out notes but no errors', async () => {
  const memory = memoryIo();
  const output = new Output(memory.io, { json: false, quiet: true });
  output.note('note');
  output.error('error');
  await turn();
  expect(memory.stderr()).toBe('gardenhose: error\n');
});

test('nothing recorded reaches the terminal as a control character', async () => {
  const memory = memoryIo();
  const output = new Output(memory.io, { json: false, quiet: false });
  await output.text('a\x1b[2Jb\nc');
  output.error('\u202eevil');
  await turn();
  expect(memory.stdout()).toBe('a\\x1b[2Jb\nc\n');
  expect(memory.stderr()).toBe('gardenhose: \\u{202e}evil\n');
});

test('nothing recorded reaches the terminal as a control character from JSON either, and it says the same', async () => {
  const memory = memoryIo();
  const output = new Output(memory.io, { json: true, quiet: false });
  const value = { 'a\x1b\x9b2J': 'b\u202e\u2028 \u{e0041}\ud800 \x7f\n' };
  await output.document(value);
  await turn();
  expect(memory.stdout()).toBe(
    '{\n  "a\\u001b\\u009b2J": "b\\u202e\\u2028 \\udb40\\udc41\\ud800 \\u007f\\n"\n}\n',
  );
  expect(JSON.parse(memory.stdout())).toEqual(value);
  await output.documentPart('["\x9b"]');
  await turn();
  expect(memory.stdout()).toMatch(/\["\\u009b"\]$/);
});

test('a reader that went away ends no command', async () => {
  const memory = memoryIo();
  const output = new Output(memory.io, { json: false, quiet: false });
  memory.io.stdout.destroy();
  await output.text('x'.repeat(1e6));
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [5 * 2 ** 30, '5.0 GiB'],
])('%i bytes are shown as %s', (bytes, shown) => {
  expect(showBytes(bytes)).toBe(shown);
});

test.each([
  [12, '12 ns'],
  [1500, '1.5 us'],
  [18_200_000, '18.2 ms'],
  [1_500_000_000, '1.50 s'],
  [63e9, '1 min 03 s'],
])('%i ns are shown as %s', (ns, shown) => {
  expect(showDuration(ns)).toBe(shown);
});

test('showCount() knows one from many', () => {
  expect([showCount(0, 'lane'), showCount(1, 'lane'), showCount(2, 'lane')]).toEqual([
    '0 lanes',
    '1 lane',
    '2 lanes',
  ]);
});
