// What a mask policy does: one exchange under the default policy, and under one that knows the service.
import { bodyBytes, createMasker, maskExchange } from '@gardenhose/core';
import { aChunk, anExchange } from '@gardenhose/core/testing';

const exchange = anExchange({
  request: {
    method: 'POST',
    target: '/orders?voucher=SPRING-2026',
    headers: [
      'Host',
      'shop.test',
      'Content-Type',
      'application/json',
      'Authorization',
      'Bearer 0123456789abcdef',
    ],
    chunks: [aChunk('{"email":"ada@example.com","item":"hose","note":"ring at the garden door"}')],
    size: 74,
  },
});

// Kept outside of the code in a real service: equal values get equal tokens under the same key.
const key = { base64: Buffer.alloc(32, 'only for this example').toString('base64') };

/** @type {Record<string, import('@gardenhose/core').Policy>} */
const policies = {
  'the default policy': { version: 1, key },
  'a policy that knows the service': {
    version: 1,
    key,
    rules: [
      { id: 'shop/voucher', at: 'query:voucher', mask: 'token' },
      { id: 'shop/note', at: 'json:$.note', mask: 'redact' },
    ],
  },
};

for (const [name, policy] of Object.entries(policies)) {
  const { request, audit } = maskExchange(createMasker(policy), exchange);
  console.log(`under ${name}:`);
  console.log(`  ${request.method} ${request.target}`);
  console.log(`  ${Buffer.from(bodyBytes(request)).toString()}`);
  console.log(`  by the rules ${[...new Set(audit.map(({ rule }) => rule))].join(', ')}`);
}
