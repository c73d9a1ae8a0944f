// Realistic traffic: several shoppers at once, each on a connection of its own, each with pauses to think.

import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const firstNames = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Tony', 'Frances'];
const lastNames = ['Okafor', 'Lindqvist', 'Marino', 'Haddad', 'Novak', 'Sato', 'Dubois', 'Kowalski'];
const cards = ['4242424242424242', '5555555555554444', '378282246310005', '6011111111111117'];

/** Numbers that look random and are the same in every run (mulberry32). @param {number} seed */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Lets `count` shoppers loose on a shop and waits until the last has left.
 *
 * @param {{ port: number, count: number, rounds: number }} options
 * @returns {Promise<{ requests: number, secrets: string[] }>} How many requests were sent, and every value in them or
 *   in their answers that must not be found in a capture.
 */
export async function shop({ port, count, rounds }) {
  const tallies = await Promise.all(
    Array.from({ length: count }, (_, index) => shopAs({ port, index, rounds })),
  );
  return {
    requests: tallies.reduce((sum, { requests }) => sum + requests, 0),
    secrets: tallies.flatMap(({ secrets }) => secrets),
  };
}

/** @param {{ port: number, index: number, rounds: number }} options */
async function shopAs({ port, index, rounds }) {
  const random = randomNumbers(index + 1);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const name = `${firstNames[index % 8]} ${lastNames[(index * 3) % 8]}`;
  const email = `${name.toLowerCase().replace(' ', '.')}${index}@shoppers.example`;
  const password = `correct-horse-${index}-${Math.floor(random() * 1e9)}`;
  const phone = `+4670${String(Math.floor(random() * 1e7)).padStart(7, '0')}`;
  const card = { number: cards[index % 4] ?? '', cvv: String(100 + Math.floor(random() * 900)) };
  const think = () => pause(5 + random() * 90);
  let requests = 0;
  let cookie = '';

  /** @param {string} method @param {string} path @param {unknown} [body] */
  const call = async (method, path, body) => {
    await think();
    requests += 1;
    const answer = await send({ agent, port, method, path, body, cookie });
    const [setCookie] = answer.headers['set-cookie'] ?? [];
    if (setCookie !== undefined) cookie = setCookie.split(';')[0] ?? '';
    return answer;
  };

  await call('POST', '/accounts', { email, password });
  await call('POST', '/login', { email, password });
  for (let round = 0; round < rounds; round += 1) {
    const reference = `S${index}-${round}`;
    const items = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
      sku: `SKU-${100 + Math.floor(random() * 900)}`,
      quantity: 1 + Math.floor(random() * 7),
      unitPrice: 100 * (1 + Math.floor(random() * 50)) - 1,
    }));
    await call('PUT', `/orders/${reference}`, { customer: { name, email, phone }, card, items });
    await call('GET', `/orders/${reference}`);
    if (round % 3 === 0) await call('GET', `/orders/${reference}/events`);
    if (round % 2 === 0) await call('GET', `/orders?email=${encodeURIComponent(email)}`);
    if (round % 4 === 3) await call('GET', `/orders/S${index}-missing`);
  }
  agent.destroy();
  const session = cookie.slice('session='.length);
  return { requests, secrets: [email, password, phone, card.number, session] };
}

/**
 * @param {{ agent: Agent, port: number, method: string, path: string, body: unknown, cookie: string }} options
 * @returns {Promise<import('node:http').IncomingMessage>} The answer, after its body has been read to the end.
 */
function send({ agent, port, method, path, body, cookie }) {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const req = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method,
        path,
        headers: {
          'User-Agent': 'shopper/1.0',
          ...(cookie === '' ? {} : { Cookie: cookie }),
          ...(payload === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) }),
        },
      },
      (res) => {
        res.on('error', reject);
        res.on('end', () => resolve(res));
        res.resume();
      },
    );
    req.on('error', reject);
    req.end(payload);
  });
}
