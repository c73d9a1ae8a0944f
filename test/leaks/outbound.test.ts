import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRecorder, fileSink, openCapture } from '@gardenhose/core';
import { tapClients } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';

const secret = (place: string): string => `Canary${place}9f8e7d6c5b4a`;

test('secrets of requests that go out are masked, in every part, also of one that is refused', async () => {
  using dir = tempDir();
  const server = createServer((req, res) => {
    req.resume().on('end', () => {
      res.setHeader('Set-Cookie', `sid=${secret('Cookie')}`);
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ access_token: secret('Answer') }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const recorder = createRecorder({ service: 'leaks', sink: fileSink({ path: dir.file('a.hose') }) });
  const detach = tapClients(recorder);
  const asked = {
    method: 'POST',
    headers: { Authorization: `Bearer ${secret('Bearer')}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ password: secret('Password') }),
  };
  await (await fetch(`http://127.0.0.1:${port}/a?api_key=${secret('Query')}`, asked)).text();
  await fetch(`http://127.0.0.1:4/b?api_key=${secret('Query')}`, asked).catch(() => undefined);
  detach();
  server.closeAllConnections();
  server.close();
  expect((await recorder.close()).recorded).toBe(2);
  await using capture = await openCapture(dir.file('a.hose'));
  const told: string[] = [];
  for await (const event of capture.events()) {
    told.push(JSON.stringify(event));
    if ('data' in event && event.data !== undefined) told.push(Buffer.from(event.data).toString('latin1'));
  }
  expect(told.join('\n')).toContain('outbound');
  expect(told.join('\n')).not.toContain('Canary');
});
