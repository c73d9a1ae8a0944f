// A small shop: accounts with sessions, orders with personal data, a streaming endpoint, storage in a file. What an order
// costs and where it is, it asks the warehouse, over gRPC.
// Run by hand: `node examples/demo/service.js --port 8080 [--build 2]`. Build 2 has a bug in its warehouse.

import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { startWarehouse, warehouseClient } from './warehouse.js';

/** Orders, one JSON document a line; the last line of a reference counts. */
class OrderStore {
  /** @type {Map<string, Order>} */
  #orders = new Map();
  #file;

  /** @param {string} file */
  constructor(file) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line !== '') this.#remember(JSON.parse(line));
    }
  }

  /** @param {Order} order */
  put(order) {
    appendFileSync(this.#file, `${JSON.stringify(order)}\n`, { mode: 0o600 });
    this.#remember(order);
  }

  /** @param {string} reference */
  get(reference) {
    return this.#orders.get(reference);
  }

  /** @param {string} email */
  ofCustomer(email) {
    return [...this.#orders.values()].filter((order) => order.customer.email === email);
  }

  /** @param {Order} order */
  #remember(order) {
    this.#orders.set(order.reference, order);
  }
}

/**
 * @typedef {{ sku: string, quantity: number, unitPrice: number }} Item
 * @typedef {{ reference: string, status: string, customer: { name: string, email: string, phone: string },
 *   card: { number: string, cvv?: string }, items: Item[], total: number, updatedAt: string }} Order
 */

/**
 * The service as a plain Node request listener.
 *
 * @param {{ storeFile: string, warehouse: ReturnType<typeof warehouseClient> }} options
 * @returns {import('node:http').RequestListener}
 */
export function createService({ storeFile, warehouse }) {
  const store = new OrderStore(storeFile);
  /** @type {Map<string, string>} */
  const passwords = new Map();
  /** @type {Map<string, string>} */
  const sessions = new Map();

  /** @param {import('node:http').IncomingMessage} req */
  const customerOf = (req) =>
    sessions.get(/(?:^|; )session=([^;]+)/.exec(req.headers.cookie ?? '')?.[1] ?? '');

  return async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://shop');
    const [, area, reference, detail] = url.pathname.split('/');
    try {
      if (area === 'accounts' && req.method === 'POST') {
        const { email, password } = await readJson(req);
        passwords.set(email, password);
        return sendJson(res, 201, { email });
      }
      if (area === 'login' && req.method === 'POST') {
        const { email, password } = await readJson(req);
        if (password === undefined || passwords.get(email) !== password) {
          return sendJson(res, 401, { error: 'wrong e-mail or password' });
        }
        const session = randomBytes(18).toString('base64url');
        sessions.set(session, email);
        res.setHeader('Set-Cookie', `session=${session}; Path=/; HttpOnly`);
        return sendJson(res, 200, { email, requestId: randomUUID() });
      }

      const email = customerOf(req);
      if (email === undefined) return sendJson(res, 401, { error: 'log in first' });

      if (area === 'orders' && reference === undefined) {
        return sendJson(res, 200, { orders: store.ofCustomer(url.searchParams.get('email') ?? email) });
      }
      if (area === 'orders' && reference !== undefined && req.method === 'PUT') {
        const { customer, card, items } = await readJson(req);
        const isNew = store.get(reference) === undefined;
        const basket = {
          reference,
          email: customer.email,
          items: items.map((/** @type {Item} */ { sku, quantity, unitPrice }) => ({
            sku,
            quantity,
            unit_price: unitPrice,
          })),
        };
        const order = {
          reference,
          status: 'accepted',
          customer,
          card,
          items,
          total: await warehouse.quote(basket),
          updatedAt: new Date().toISOString(),
        };
        store.put(order);
        return sendJson(res, isNew ? 201 : 200, order);
      }
      const order = store.get(reference ?? '');
      if (order === undefined) return sendJson(res, 404, { error: `no order ${reference}` });
      if (detail === 'events') return await streamStatus(res, order, warehouse);
      return sendJson(res, 200, order);
    } catch (error) {
      return sendJson(res, 400, { error: error instanceof SyntaxError ? 'not JSON' : 'bad request' });
    }
  };
}

/**
 * Tells the way of an order as server-sent events, as the warehouse tells it.
 *
 * @param {import('node:http').ServerResponse} res
 * @param {Order} order
 * @param {ReturnType<typeof warehouseClient>} warehouse
 */
async function streamStatus(res, { reference, customer }, warehouse) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  for await (const step of warehouse.track({ reference, email: customer.email })) {
    res.write(`event: status\ndata: ${JSON.stringify(step)}\n\n`);
  }
  res.end();
}

/** @param {import('node:http').IncomingMessage} req */
async function readJson(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

/**
 * @param {import('node:http').ServerResponse} res
 * @param {number} status
 * @param {unknown} body
 */
function sendJson(res, status, body) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(body));
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      build: { type: 'string', default: '1' },
      store: { type: 'string', default: 'orders.jsonl' },
    },
  });
  const { port: warehousePort } = await startWarehouse({ build: Number(values.build) });
  const warehouse = warehouseClient(warehousePort);
  const server = createServer(createService({ storeFile: values.store, warehouse }));
  server.listen(Number(values.port), '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : address;
    console.log(
      `shop, build ${values.build}, on http://127.0.0.1:${port}, its warehouse on ${warehousePort}`,
    );
    process.send?.({ port, warehousePort });
  });
}
