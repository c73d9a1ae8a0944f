import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble, openCapture, verifyCapture } from '@gardenhose/core';
import { afterAll, expect, test } from 'vitest';
import { onProcess } from '../../src/record/process-triggers.ts';

const root = mkdtempSync(join(tmpdir(), 'gardenhose-ends-'));
afterAll(() => rmSync(root, { recursive: true }));

const program = fileURLToPath(new URL('support/flight-process.js', import.meta.url));

async function ended(how: string): Promise<{ code: number | null; signal: string | null; files: string[] }> {
  const directory = join(root, how);
  const child = spawn(process.execPath, [program, directory, how], { stdio: 'ignore' });
  await once(child, 'exit');
  const files = readdirSync(directory).map((name) => join(directory, name));
  return { code: child.exitCode, signal: child.signalCode, files };
}

test.each([
  ['exception', 1, null, 'uncaughtException'],
  ['rejection', 1, null, 'unhandledRejection'],
  ['signal', null, 'SIGTERM', 'SIGTERM'],
  ['listens', 7, null, 'SIGTERM'],
])(
  'a process that ends by %s saves what was recorded, and ends as it would have',
  async (how, code, signal, reason) => {
    const end = await ended(how);
    expect(end).toMatchObject({ code, signal });
    expect(end.files).toHaveLength(1);
    const [path = ''] = end.files;
    expect(await verifyCapture(path)).toMatchObject({ state: 'complete', faultCount: 0, lostEvents: 0 });
    await using capture = await openCapture(path);
    expect(capture.header.trigger?.reason).toBe(reason);
    const targets: string[] = [];
    for await (const { request } of assemble(capture.events())) targets.push(request.target);
    expect(targets).toEqual(Array.from({ length: 100 }, (_, i) => `/${i}`));
  },
);

test('a process that ends well saves nothing', async () => {
  expect(await ended('exit')).toEqual({ code: 0, signal: null, files: [] });
});

test('several recorders share one listener, and the last that goes takes it away', () => {
  const before = process.listenerCount('SIGUSR2');
  const triggers = { exceptions: true, signals: ['SIGUSR2'] } as const;
  const undo = [1, 2, 3].map(() => onProcess(triggers, async () => undefined));
  expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
  expect(process.listenerCount('uncaughtExceptionMonitor')).toBe(1);
  for (const each of undo) each();
  expect(process.listenerCount('SIGUSR2')).toBe(before);
  expect(process.listenerCount('uncaughtExceptionMonitor')).toBe(0);
});

test('a signal that is for saving alone does not end the process', async () => {
  const reasons: string[] = [];
  let saved: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    saved = resolve;
  });
  const undo = onProcess({ exceptions: false, signals: ['SIGUSR2'] }, async (reason) => {
    reasons.push(reason);
    saved();
  });
  process.kill(process.pid, 'SIGUSR2');
  await done;
  undo();
  expect(reasons).toEqual(['SIGUSR2']);
});
