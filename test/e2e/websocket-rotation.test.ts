import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CaptureEvent,
  createRecorder,
  type Exchange,
  fileSink,
  openCaptures,
  verifyCapture,
} from '@gardenhose/core';
import { replay, tapServer } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import {
  closed,
  connected,
  socketService,
  told,
} from '../../packages/http-adapter/test/support/web-sockets.ts';
import { tempDir } from '../support/captures.ts';

/** Distinct, and alike enough that each is compressed by looking back at those before it. */
const said = Array.from(
  { length: 150 },
  (_, i) => `message ${i}: ${'all the same but for its number, '.repeat(6)}${i * i}`,
);

test('a WebSocket that lasts while files rotate is one whole exchange in the parts together, and is replayed as one', async () => {
  using folder = tempDir();
  const path = join(folder.path, 'chat.hose');
  const recorder = createRecorder({
    service: 'chat',
    sink: fileSink({ path, maxFileBytes: 8_192, chunkBytes: 1_024, compression: 'none' }),
    mask: { version: 1, extends: 'none' },
  });
  const deflate = { perMessageDeflate: { threshold: 0 } };
  await using service = await socketService(undefined, deflate);
  const detach = tapServer(service.server, recorder);
  const socket = await connected(service.port, '/chat', deflate);
  for (const [i, text] of said.entries()) {
    socket.send(text);
    expect(await told(socket)).toBe(text);
    if (i % 25 === 0) await recorder.flush();
  }
  await closed(socket, 1000, 'done');
  detach();
  const stats = await recorder.close();
  expect(stats).toMatchObject({ recorded: 1, tapFailures: 0, sinkErrors: 0 });

  const parts: string[] = [];
  for (let part = path; existsSync(part); part = join(folder.path, `chat.${parts.length}.hose`))
    parts.push(part);
  expect(parts.length).toBeGreaterThan(5);
  for (const part of parts)
    expect(await verifyCapture(part)).toMatchObject({ state: 'complete', lossless: true });

  await using capture = await openCaptures(parts);
  const events: CaptureEvent[] = [];
  for await (const event of capture.events()) events.push(event);
  expect(events.filter(({ type }) => type === 'gap')).toEqual([]);
  const exchanges: Exchange[] = [];
  for await (const exchange of capture.exchanges()) exchanges.push(exchange);
  const [exchange] = exchanges;
  expect(exchanges).toHaveLength(1);
  expect(exchange).toMatchObject({ protocol: 'websocket', partial: [], abort: undefined });
  for (const side of [exchange?.request, exchange?.response]) {
    const texts = side?.messages.map(({ kind, data }) => `${kind} ${Buffer.from(data)}`) ?? [];
    expect(texts.slice(0, -1)).toEqual(said.map((text) => `1 ${text}`));
    expect(side?.messages.at(-1)?.kind).toBe(8);
  }

  const report = await replay(parts, service.origin, { pace: 'asap', mark: false, compare: true });
  expect(report.messages).toMatchObject({ sent: 151, received: 151, recordedReceived: 151 });
  expect(report.differences).toMatchObject({
    compared: 1,
    changed: 0,
    suspect: 0,
    unverified: 0,
    notCompared: [],
  });
});
