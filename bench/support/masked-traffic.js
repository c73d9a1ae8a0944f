// What the benchmark of masking puts through a masker.

/**
 * API-like records until there are about this many bytes. The values repeat, as those of a service's users do.
 * @param {number} bytes
 */
export function documentOf(bytes) {
  const items = [];
  let size = 0;
  for (let i = 0; size < bytes; i++) {
    const item = {
      id: 100_000 + i,
      uuid: `3f2504e0-4f89-41d3-9a0c-${String(i % 997).padStart(12, '0')}`,
      status: i % 3 === 0 ? 'shipped' : 'pending',
      customer: {
        firstName: `Ada${i % 50}`,
        lastName: 'Lovelace',
        email: `ada${i % 50}@example.com`,
        phone: '+442079460018',
        address: { street: '12 St James Square', city: 'London', zip: 'SW1Y 4JH', country: 'GB' },
      },
      items: [
        {
          sku: 'ENG-0001',
          title: 'Analytical engine, second edition',
          quantity: 1,
          price: 1999.5,
          tags: ['brass', 'steam'],
        },
        {
          sku: 'NOTE-077',
          title: 'Notes on the engine with a longer description of it',
          quantity: 2,
          price: 12.25,
          tags: [],
        },
      ],
      createdAt: '2026-05-01T12:34:56.789Z',
      total: 2024,
      paid: i % 2 === 0,
      note: null,
    };
    items.push(item);
    size += JSON.stringify(item).length + 1;
  }
  return Buffer.from(JSON.stringify({ items, next: null }));
}

let exchange = 0;

/**
 * One body through a masker, with the events around it that it needs.
 * @param {import('@gardenhose/core').Masker} masker
 * @param {Buffer} data
 * @param {string} type
 */
export function maskBody(masker, data, type) {
  exchange++;
  const stamp = { seq: exchange, at: exchange, exchange };
  masker.mask({
    type: 'start',
    ...stamp,
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'http',
    version: '1.1',
    method: 'POST',
    target: '/',
    headers: ['content-type', type],
    sampleRate: 1,
  });
  masker.mask({ type: 'chunk', ...stamp, side: 'request', size: data.length, data });
  const out = masker.mask({
    type: 'end',
    ...stamp,
    side: 'request',
    size: data.length,
    state: 'kept',
    complete: true,
  });
  masker.mask({ type: 'end', ...stamp, side: 'response', size: 0, state: 'kept', complete: true });
  return out;
}

const requestBody = documentOf(1600);
const responseBody = documentOf(7500);
const requestHeaders = [
  ...[
    'Host',
    'shop.example',
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0',
    'Accept',
    'application/json',
  ],
  ...[
    'Accept-Language',
    'en-GB,en;q=0.5',
    'Accept-Encoding',
    'gzip, deflate, br',
    'Referer',
    'https://shop.example/cart?step=2',
  ],
  ...[
    'Content-Type',
    'application/json',
    'Content-Length',
    String(requestBody.length),
    'Origin',
    'https://shop.example',
  ],
  ...[
    'Connection',
    'keep-alive',
    'Cookie',
    'sid=0a1b2c3d4e5f; theme=dark; consent=yes',
    'Authorization',
    'Bearer 0a1b2c3d4e5f6a7b',
  ],
  ...[
    'Sec-Fetch-Site',
    'same-origin',
    'X-Forwarded-For',
    '203.0.113.7',
    'X-Request-Id',
    '5ac7-11',
    'Cache-Control',
    'no-cache',
  ],
];
const responseHeaders = [
  ...[
    'Date',
    'Fri, 01 May 2026 12:34:56 GMT',
    'Content-Type',
    'application/json',
    'Content-Length',
    String(responseBody.length),
  ],
  ...[
    'Connection',
    'keep-alive',
    'Cache-Control',
    'no-store',
    'ETag',
    'W/"1f40-abc"',
    'Vary',
    'Origin',
    'Server',
    'nginx',
  ],
  ...[
    'Set-Cookie',
    'sid=0a1b2c3d4e5f; Path=/; HttpOnly; Secure',
    'Strict-Transport-Security',
    'max-age=31536000',
  ],
  ...['X-Content-Type-Options', 'nosniff', 'X-Request-Id', '5ac7-11'],
];

/**
 * 16 and 12 headers, 2 kB in, 8 kB out.
 * @param {import('@gardenhose/core').Masker} masker
 */
export function typicalExchange(masker) {
  exchange++;
  const stamp = { seq: exchange, at: exchange, exchange };
  /** @type {{ size: number, state: 'kept', complete: boolean }} */
  const ended = { size: 0, state: 'kept', complete: true };
  masker.mask({
    type: 'start',
    ...stamp,
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'https',
    version: '1.1',
    method: 'POST',
    target: '/orders/7/items?page=2&email=ada%40example.com',
    headers: requestHeaders,
    peer: '127.0.0.1:51234',
    sampleRate: 1,
  });
  masker.mask({ type: 'chunk', ...stamp, side: 'request', size: requestBody.length, data: requestBody });
  masker.mask({ type: 'end', ...stamp, side: 'request', ...ended });
  masker.mask({
    type: 'headers',
    ...stamp,
    status: 200,
    reason: 'OK',
    version: '1.1',
    headers: responseHeaders,
  });
  masker.mask({ type: 'chunk', ...stamp, side: 'response', size: responseBody.length, data: responseBody });
  masker.mask({ type: 'end', ...stamp, side: 'response', ...ended });
}
