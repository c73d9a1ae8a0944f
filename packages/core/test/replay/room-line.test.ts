import { expect, test } from 'vitest';
import { ownRoom, sharedRoom } from '../../src/replay/room.ts';
import { RoomLine } from '../../src/replay/room-line.ts';

function aTimer() {
  const due: (() => void)[] = [];
  const timer = {
    nowNs: () => 0,
    at: (_atNs: number, run: () => void) => {
      due.push(run);
      return () => {};
    },
  };
  return { timer, due };
}

test('who finds no room waits in line, and nobody who comes later goes first', () => {
  const { timer, due } = aTimer();
  const room = ownRoom(1);
  const gone: string[] = [];
  const line = new RoomLine<string>(room, timer, (one) => gone.push(one));
  line.enter('a');
  line.enter('b');
  room.give();
  line.enter('c');
  expect(gone).toEqual(['a']);
  line.advance();
  expect(gone).toEqual(['a', 'b']);
  expect(line.drain()).toEqual(['c']);
  // Who gives room back says so.
  expect(due).toEqual([]);
});

test('where others share the room the line looks for it from time to time, until it is empty', () => {
  const { timer, due } = aTimer();
  const memory = new SharedArrayBuffer(4);
  const other = sharedRoom(1, memory);
  other.take();
  const gone: string[] = [];
  const line = new RoomLine<string>(sharedRoom(1, memory), timer, (one) => gone.push(one));
  line.enter('a');
  line.enter('b');
  due.shift()?.();
  expect(gone).toEqual([]);
  other.give();
  due.shift()?.();
  expect(gone).toEqual(['a']);
  other.give();
  due.shift()?.();
  expect(gone).toEqual(['a', 'b']);
  expect(due).toEqual([]);
});
