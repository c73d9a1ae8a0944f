import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRecorder, fileSink, type Policy } from '@gardenhose/core';
import { tapServer } from '@gardenhose/http-adapter';
import { shop } from './shop.ts';

const json = { 'content-type': 'application/json' };

/** Records a session of the shop into this file. */
export async function recordShop(path: string, mask?: Policy): Promise<void> {
  const recorder = createRecorder({ service: 'shop', sink: fileSink({ path }), mask });
  const server = createServer(shop());
  const untap = tapServer(server, recorder);
  await useShop(server);
  untap();
  await recorder.close();
}

/** A client's session, to its end, and that of the server: two orders made, read, and one that is not there. */
export async function useShop(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const at = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  for (const id of ['a1', 'a2']) {
    const body = JSON.stringify({ item: 'hose', email: `${id}@example.com` });
    await (await fetch(`${at}/orders/${id}`, { method: 'PUT', headers: json, body })).text();
    await (await fetch(`${at}/orders/${id}`)).text();
  }
  await (await fetch(`${at}/orders/none`)).text();
  server.close();
  server.closeAllConnections();
}
