import { defaultRuleIds } from '@gardenhose/core';
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor.js';
// The masker by itself is no public export: what is compared here is techniques of masking protobuf.
import { resolvePolicy } from '../packages/core/dist/mask/policy/resolve-policy.js';
import { ProtobufMasker } from '../packages/core/dist/mask/protobuf/protobuf-masker.js';
import { anyExchange } from '../packages/core/dist/mask/rules/rule-context.js';
import { PolicyRules } from '../packages/core/dist/mask/rules/rules.js';
import { Scope } from '../packages/core/dist/mask/rules/scope.js';
import { TextMasker } from '../packages/core/dist/mask/text/text-masker.js';
import { Replacer } from '../packages/core/dist/mask/value/replace.js';
import { Tokens } from '../packages/core/dist/mask/value/tokens.js';

export const name = 'protobuf-mask';
export const description =
  'Masking protobuf on the wire against decoding, masking and encoding with protobufjs';

/** @typedef {{ name: string, value: number, unit: string, target?: number, ok?: boolean }} Measure */

const key = { base64: Buffer.alloc(32, 7).toString('base64') };
const tokens = new Tokens(key, 10_000);
const path = '/bench.Orders/Get';
const root = protobuf.parse(
  `syntax = "proto3"; package bench;
  service Orders { rpc Get(Order) returns (Order); }
  message Order { string order_ref = 1; Customer customer = 2; repeated Item items = 3; int64 total = 4; }
  message Customer { string first_name = 1; string last_name = 2; string email = 3; string phone = 4; Address address = 5; }
  message Address { string street = 1; string city = 2; }
  message Item { string sku = 1; string title = 2; string details = 3; int32 quantity = 4; double price = 5; bool gift = 6; }`,
  { keepCase: true },
).root;
root.resolveAll();
const type = root.lookupType('bench.Order');
/** Of the customer, and of the address. */
const sensitive = { first_name: 'name', last_name: 'name', email: 'email', phone: 'phone' };

/** @param {number} items */
function orderOf(items) {
  return Buffer.from(
    type
      .encode(
        type.create({
          order_ref: 'A-1000',
          customer: {
            first_name: 'Ann',
            last_name: 'Example',
            email: 'ann@example.com',
            phone: '+49 151 5555555',
            address: { street: '1 Garden Lane', city: 'Hosetown' },
          },
          items: Array.from({ length: items }, (_, i) => ({
            sku: `hose-${i}`,
            title: 'Garden hose, green, with a brass nozzle',
            details: 'Twenty metres of it on a reel. Stays soft in winter and does not kink.',
            quantity: 1 + (i % 3),
            price: 19.5 + i,
            gift: i % 2 === 0,
          })),
          total: 4711,
        }),
      )
      .finish(),
  );
}

/** The same masking on the decoded message. @param {Buffer} data */
function decodeMaskEncode(data) {
  /** @type {any} */
  const order = type.decode(data);
  const { customer } = order;
  for (const [field, kind] of Object.entries(sensitive)) {
    if (customer[field] !== '') customer[field] = tokens.token(kind, customer[field]);
  }
  customer.address.street = tokens.token('address', customer.address.street);
  return type.encode(order).finish();
}

/** @param {import('@gardenhose/core').DefaultRuleId[]} disable */
function walkerOf(disable) {
  const policy = resolvePolicy({ version: 1, key, disable });
  const scope = new Scope(new PolicyRules(policy).select(anyExchange));
  const replacer = new Replacer(tokens);
  const text = new TextMasker(scope, replacer, policy.limits);
  const masker = new ProtobufMasker(scope, text, replacer, policy.limits);
  /** @type {any} */
  const set = root.toDescriptor('proto3');
  masker.describe(set.constructor.encode(set).finish());
  /** @param {Buffer} data */
  return (data) => {
    const masked = masker.message(data, path, 'request', undefined);
    if (typeof masked === 'string') throw new Error(`the message was not accepted: ${masked}`);
    return masked ?? data;
  };
}

/**
 * The least microseconds per call, over samples of about 4 ms taken in turns so that a busy machine slows all alike.
 * @param {Record<string, () => unknown>} contenders
 * @param {number} budgetMs
 */
function bestOf(contenders, budgetMs) {
  const runs = Object.entries(contenders).map(([label, run]) => {
    const warm = performance.now() + 150;
    let count = 0;
    while (performance.now() < warm) {
      run();
      count++;
    }
    return { label, run, count: Math.max(1, Math.round((count * 4) / 150)), best: Number.POSITIVE_INFINITY };
  });
  const until = performance.now() + budgetMs;
  while (performance.now() < until) {
    for (const each of runs) {
      const start = performance.now();
      for (let i = 0; i < each.count; i++) each.run();
      each.best = Math.min(each.best, ((performance.now() - start) * 1000) / each.count);
    }
  }
  /** @param {string} contender */
  return (contender) => runs.find(({ label }) => label === contender)?.best ?? Number.NaN;
}

/** @param {number} value */
const round = (value) => Math.round(value * 100) / 100;

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  /** @type {Measure[]} */
  const measures = [];
  const byNames = walkerOf(
    defaultRuleIds.filter((id) => id.startsWith('default/detect/') || id === 'default/graphql-literal'),
  );
  const byAll = walkerOf([]);
  for (const [label, items] of /** @type {const} */ ([
    ['1 kB', 6],
    ['5 kB', 36],
    ['80 kB', 570],
  ])) {
    const data = orderOf(items);
    const expected = decodeMaskEncode(data);
    if (Buffer.compare(byNames(data), expected) !== 0) throw new Error('the two mask differently');
    const best = bestOf(
      {
        peer: () => decodeMaskEncode(data),
        names: () => byNames(data),
        all: () => byAll(data),
      },
      quick ? 1500 : 5000,
    );
    const times = (/** @type {string} */ contender) => round(best('peer') / best(contender));
    measures.push(
      { name: `decode, mask, encode, ${label}`, value: round(best('peer')), unit: 'us' },
      { name: `walker, names only, ${label}`, value: round(best('names')), unit: 'us' },
      { name: `walker, all detectors, ${label}`, value: round(best('all')), unit: 'us' },
      atLeast(`names only against decode, mask, encode, ${label}`, times('names'), 3),
      atLeast(`all detectors against decode, mask, encode, ${label}`, times('all'), 1),
    );
  }
  return measures;
}

/**
 * @param {string} label
 * @param {number} value
 * @param {number} target
 */
function atLeast(label, value, target) {
  return { name: label, value, unit: 'times', target, ok: value >= target };
}
