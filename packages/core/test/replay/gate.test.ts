import { expect, test } from 'vitest';
import { Gate, gatedRoom } from '../../src/replay/gate.ts';
import { ownRoom } from '../../src/replay/room.ts';

test('a closed gate lets nothing through, in no thread', () => {
  const gate = new Gate(Number.POSITIVE_INFINITY);
  const rooms = [1, 2].map(() => gatedRoom(ownRoom(10), gate, () => 0));
  const take = () => rooms.map((room) => room.take());
  expect(take()).toEqual([true, true]);
  gate.closed = true;
  expect(take()).toEqual([false, false]);
  gate.closed = false;
  expect(take()).toEqual([true, true]);
});

test('so many are let through in a second, in all threads together', () => {
  let now = 7;
  const gate = new Gate(5);
  const rooms = [1, 2].map(() => gatedRoom(ownRoom(100), gate, () => now));
  const passed = () =>
    Array.from({ length: 20 }, (_, i) => rooms[i % 2]?.take()).filter((taken) => taken === true).length;
  expect(passed()).toBe(5);
  expect(passed()).toBe(0);
  now++;
  expect(passed()).toBe(5);
});

test('what finds no room does not count for the second', () => {
  const gate = new Gate(2);
  const room = gatedRoom(ownRoom(1), gate, () => 0);
  expect([room.take(), room.take(), room.take()]).toEqual([true, false, false]);
  room.give();
  expect(room.take()).toBe(true);
  room.give();
  expect(room.take()).toBe(false);
});
