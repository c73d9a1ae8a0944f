// The service under test: orders that can be made and read. It knows nothing of Gardenhose.
import { text } from 'node:stream/consumers';

/**
 * Makes the app, with no orders.
 * @param {{ taxPercent?: number }} [options]
 * @returns {(req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse) => Promise<void>}
 */
export function createApp({ taxPercent = 20 } = {}) {
  /** @type {Map<string, { item: string, net: number }>} */
  const orders = new Map();

  return async (req, res) => {
    const id = req.url?.split('/')[2] ?? '';
    if (req.method === 'PUT') orders.set(id, JSON.parse(await text(req)));
    const order = orders.get(id);
    res.setHeader('content-type', 'application/json');
    res.statusCode = order === undefined ? 404 : 200;
    const total = order === undefined ? 0 : (order.net * (100 + taxPercent)) / 100;
    res.end(JSON.stringify(order === undefined ? { error: 'no such order' } : { id, ...order, total }));
  };
}
