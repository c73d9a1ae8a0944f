// The warehouse behind the shop: a gRPC service that prices each order and tells where it is. Build 2 has a bug in it.

import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const proto = fileURLToPath(new URL('warehouse.proto', import.meta.url));
const loaded = grpc.loadPackageDefinition(loadSync(proto, { keepCase: true, defaults: true }));
const { Warehouse } = /** @type {any} */ (loaded).shop.v1;

/**
 * @typedef {{ sku: string, quantity: number, unit_price: number }} Item
 * @typedef {{ reference: string, email: string, items: Item[] }} Basket
 */

/**
 * What a basket costs, in cents. Five or more of one item are a tenth cheaper.
 * Build 2 "simplifies" the rule and so forgets the discount on exactly five.
 *
 * @param {Item[]} items
 * @param {number} build
 */
function totalOf(items, build) {
  const discountFrom = build === 1 ? 5 : 6;
  return items.reduce((sum, { quantity, unit_price }) => {
    const full = quantity * unit_price;
    return sum + (quantity >= discountFrom ? Math.round(full * 0.9) : full);
  }, 0);
}

/**
 * Starts the warehouse on a port of its own.
 *
 * @param {{ build?: number }} [options]
 * @returns {Promise<{ port: number, stop: () => void }>}
 */
export function startWarehouse({ build = 1 } = {}) {
  const server = new grpc.Server();
  server.addService(Warehouse.service, {
    /** @param {grpc.ServerUnaryCall<Basket, object>} call @param {grpc.sendUnaryData<object>} answer */
    Quote({ request }, answer) {
      answer(null, { reference: request.reference, total: totalOf(request.items, build) });
    },
    /** @param {grpc.ServerWritableStream<Basket, object>} call */
    Track(call) {
      const steps = ['accepted', 'paid', 'packed', 'sent'];
      const next = () => {
        const status = steps.shift();
        if (status === undefined || call.cancelled) {
          call.end();
          return;
        }
        call.write({ status, email: call.request.email });
        setTimeout(next, 40);
      };
      next();
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve({ port, stop: () => server.forceShutdown() });
      else reject(error);
    });
  });
}

/**
 * What the shop calls.
 *
 * @param {number} port
 */
export function warehouseClient(port) {
  const client = new Warehouse(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  let calls = 0;
  return {
    /** How many calls were made. */
    get calls() {
      return calls;
    },
    /** @param {Basket} basket @returns {Promise<number>} the total */
    quote(basket) {
      calls += 1;
      return new Promise((resolve, reject) => {
        client.Quote(basket, (/** @type {Error | null} */ error, /** @type {{ total: number }} */ price) => {
          if (error === null) resolve(price.total);
          else reject(error);
        });
      });
    },
    /** @param {{ reference: string, email: string }} order @returns {AsyncIterable<{ status: string, email: string }>} */
    track(order) {
      calls += 1;
      return client.Track(order);
    },
    close: () => client.close(),
  };
}
