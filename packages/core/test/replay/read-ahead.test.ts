import { expect, test } from 'vitest';
import { ReadAhead } from '../../src/replay/read-ahead.ts';
import { anExchange } from '../../src/testing/index.ts';

/** How many may be open at once, given these. */
function most(ahead: ReadAhead): number {
  let open = 0;
  while (ahead.hasRoom(open, 0, 0)) open++;
  return open;
}

const onLanes = (ahead: ReadAhead, lanes: number, version = '1.1') => {
  for (let i = 0; i < lanes; i++) ahead.take(1, anExchange({ lane: `l${i}`, request: { version } }));
  return most(ahead);
};

test('with a schedule 4,096 exchanges may wait; without one, as many as keep their connections busy', () => {
  expect(onLanes(new ReadAhead(false), 3)).toBe(4_096);
  expect(onLanes(new ReadAhead(true), 3)).toBe(512);
  expect(onLanes(new ReadAhead(true), 100)).toBe(1_600);
  expect(onLanes(new ReadAhead(true), 1_000)).toBe(4_096);
});

test('a connection that carries many at once needs as many as may ever wait', () => {
  expect(onLanes(new ReadAhead(true), 1, '2.0')).toBe(4_096);
});

test('what waits is bounded by its bytes too, and by how far it is ahead of the plan', () => {
  const ahead = new ReadAhead(true);
  ahead.take(64 * 1024 * 1024, anExchange());
  expect(ahead.hasRoom(1, 0, 0)).toBe(false);
  // What the engine was not given yet is ended by nothing else.
  expect(ahead.hasRoom(1, 1, 0)).toBe(true);
  ahead.give(64 * 1024 * 1024);
  ahead.plannedUntil = 1e9;
  expect(ahead.hasRoom(1, 0, 0)).toBe(true);
  expect(ahead.hasRoom(1, 0, 0.5e9)).toBe(false);
  expect(ahead.refillAfterMs(0.5e9)).toBe(255);
});
