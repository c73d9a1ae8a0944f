import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anExchange, senderContract } from '@gardenhose/core/testing';
import { test } from 'vitest';
import { createSender } from '../src/sender.ts';

async function listening(): Promise<{ origin: string; close: () => Promise<void> }> {
  const server = createServer((req, res) => {
    if (req.url !== '/never') res.end('{"id":7}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (!isPort(address)) throw new Error('a server on a port has a port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const isPort = (address: string | AddressInfo | null): address is AddressInfo =>
  typeof address === 'object' && address !== null;

const cases = senderContract(async () => {
  const server = await listening();
  const gone = await listening();
  await gone.close();
  const unanswered = anExchange({ lane: '2' });
  return {
    sender: createSender(server.origin),
    unreachable: createSender(gone.origin),
    unanswered: { ...unanswered, request: { ...unanswered.request, target: '/never' } },
    close: server.close,
  };
});

for (const { name, run } of cases) test(`the HTTP sender ${name}`, run);
