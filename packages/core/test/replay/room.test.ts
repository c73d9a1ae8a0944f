import { expect, test } from 'vitest';
import { ownRoom, type Room, sharedRoom } from '../../src/replay/room.ts';

const takeAll = (room: Room) => {
  let taken = 0;
  while (taken < 100 && room.take()) taken++;
  return taken;
};

test('room has so many places, and those that are given back can be taken again', () => {
  for (const room of [ownRoom(3), sharedRoom(3, new SharedArrayBuffer(4))]) {
    expect(takeAll(room)).toBe(3);
    room.give();
    room.give();
    expect(takeAll(room)).toBe(2);
  }
});

test('room that is shared has its places for all together', () => {
  const memory = new SharedArrayBuffer(4);
  const [one, other] = [sharedRoom(5, memory), sharedRoom(5, memory)];
  one.take();
  expect(takeAll(other)).toBe(4);
  expect(one.take()).toBe(false);
  one.give();
  expect(takeAll(other)).toBe(1);
});
