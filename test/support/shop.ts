import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** A small service to record and replay: orders that can be made and read. `discount` is what a changed build gives. */
export function shop(options: { readonly discount?: number } = {}): RequestListener {
  const orders = new Map<string, { item: string; email: string }>();
  return (req, res) => {
    void answer(req, res, orders, options.discount ?? 0).catch((error: unknown) => {
      res.writeHead(500).end(String(error));
    });
  };
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  orders: Map<string, { item: string; email: string }>,
  discount: number,
): Promise<void> {
  const id = /^\/orders\/(\w+)$/.exec(req.url ?? '')?.[1];
  if (req.method === 'PUT' && id !== undefined) {
    orders.set(id, JSON.parse(await text(req)));
    send(res, 201, { id, total: 100 - discount });
    return;
  }
  const order = id === undefined ? undefined : orders.get(id);
  if (order === undefined) send(res, 404, { error: 'no such order' });
  else send(res, 200, { id, ...order, total: 100 - discount });
}

function send(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
