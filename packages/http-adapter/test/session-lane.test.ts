// Two connections of one session, recorded and replayed.
import { createServer } from 'node:http';
import {
  createRecorder,
  type Exchange,
  memorySink,
  type Recorder,
  type RecorderOptions,
} from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { createSender } from '../src/sender.ts';
import { tapServer } from '../src/tap-server.ts';
import { replayAll } from './support/replay.ts';
import { listening, RawClient } from './support/servers.ts';

async function recordedInTurns(lane: RecorderOptions['lane']): Promise<Exchange[]> {
  const sink = memorySink();
  const recorder: Recorder = createRecorder({ service: 'shop', sink, lane });
  await using app = await listening(createServer((req, res) => void res.end(`answer of ${req.url}`)));
  tapServer(app.server, recorder);
  using one = await RawClient.open(app.port);
  using two = await RawClient.open(app.port);
  const ask = async (client: RawClient, path: string) => {
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: sid=4711\r\n\r\n`);
    await client.until(`answer of ${path}`);
  };
  for (let i = 0; i < 4; i++) await ask(i % 2 === 0 ? one : two, `/${i}`);
  await recorder.close();
  return assembleAll(sink.events);
}

/** Whether a target that is slow with its first answer gets another request meanwhile. */
async function overlapsFirst(exchanges: readonly Exchange[], slowMs: number): Promise<boolean> {
  let answerFirst: (() => void) | undefined;
  let overlapped = false;
  await using app = await listening(
    createServer((req, res) => {
      if (req.url === '/0') {
        answerFirst = () => {
          answerFirst = undefined;
          res.end('ok');
        };
        setTimeout(() => answerFirst?.(), slowMs).unref();
        return;
      }
      overlapped ||= answerFirst !== undefined;
      answerFirst?.();
      res.end('ok');
    }),
  );
  await replayAll(exchanges, createSender(app.origin), { pace: 'asap' });
  return overlapped;
}

test('requests of one session over two connections keep their order at replay; without it they need not', async () => {
  const bySession = await recordedInTurns('cookie:sid');
  expect(new Set(bySession.map(({ lane }) => lane)).size).toBe(1);
  expect(await overlapsFirst(bySession, 30)).toBe(false);

  const byConnection = await recordedInTurns('connection');
  expect(new Set(byConnection.map(({ lane }) => lane)).size).toBe(2);
  expect(await overlapsFirst(byConnection, 10_000)).toBe(true);
});
