import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkStopFile, watchStopFile } from '../../src/replay/stop-file.ts';
import { ManualClock } from '../../src/testing/index.ts';

test('a stop file is seen when it is made, once, and not after the undo', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-stop-'));
  const path = join(directory, 'stop');
  const clock = new ManualClock();
  let stops = 0;
  const undo = watchStopFile(path, clock, () => stops++);
  const undone = watchStopFile(path, clock, () => stops++);
  clock.advanceMs(1_000);
  expect(stops).toBe(0);
  checkStopFile(path);
  undone();
  writeFileSync(path, '');
  clock.advanceMs(1_000);
  expect(stops).toBe(1);
  expect(() => checkStopFile(path)).toThrow(/is there already/);
  undo();
  rmSync(directory, { recursive: true });
});
