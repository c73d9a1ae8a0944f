import type protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import type { PolicyRule } from '../../../src/mask/policy/policy.ts';
import { schemaOf } from '../../protobuf/support.ts';
import { callMasker } from './support.ts';

const { root, schema } = schemaOf(`syntax = "proto3"; package test;
  service Service { rpc Call(Message) returns (Message); }
  message Message {
    string s = 1; string hide_s = 2; bytes b = 3; bytes hide_b = 4; int32 i = 5; int32 hide_i = 6; sint64 z = 7;
    sint64 hide_z = 8; fixed64 f = 9; fixed64 hide_f = 10; float fl = 11; float hide_fl = 12; bool flag = 13;
    bool hide_flag = 14; repeated int32 packed = 15; repeated int32 hide_packed = 16; repeated double d = 17;
    repeated double hide_d = 18; repeated string list = 19; repeated string hide_list = 20; Message inner = 21;
    repeated Message many = 22; map<string, string> map = 23; map<int32, Message> by_id = 24;
    oneof which { string x = 25; string hide_x = 26; } Level level = 27; Level hide_level = 2000;
    Message hide_inner = 28;
  }
  enum Level { NONE = 0; LOW = 1; HIGH = 2; }`);
const type: protobuf.Type = root.lookupType('test.Message');

/** Of each kind. `npm run fuzz:messages` takes 50 times as many. */
const count = Number(process.env.FUZZ_MESSAGES ?? 2_000);

/** Deterministic: a failure can be found again. */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const words = ['', 'a', 'red', 'blue sky', 'größe', 'a longer text of some words', 'x'.repeat(130)];

function aMessage(random: (below: number) => number, depth = 0): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const word = () => words[random(words.length)] ?? '';
  const blob = () => Buffer.from(word());
  const number = () => random(3) * random(2 ** 30) - random(1000);
  const inner = () => aMessage(random, depth + 1);
  const list = <T>(each: () => T) => Array.from({ length: random(4) }, each);
  const makers: [string, () => unknown][] = [
    ['s', word],
    ['b', blob],
    ['i', number],
    ['z', number],
    ['f', () => random(2 ** 30)],
    ['fl', () => random(100) / 4],
    ['flag', () => random(2) === 1],
    ['packed', () => list(number)],
    ['d', () => list(() => random(1000) / 8)],
    ['list', () => list(word)],
  ];
  for (const [name, make] of makers) {
    if (random(3) === 0) out[name] = make();
    if (random(3) === 0) out[`hide_${name}`] = make();
  }
  if (random(2) === 0) out.level = random(3);
  if (random(2) === 0) out.hide_level = random(3);
  if (random(4) === 0) out[random(2) === 0 ? 'x' : 'hide_x'] = word();
  if (random(3) === 0) out.map = { [word()]: word(), colour: word() };
  if (depth < 3) {
    if (random(3) === 0) out.inner = inner();
    if (random(4) === 0) out.many = list(inner);
    if (random(5) === 0) out.by_id = { [random(9)]: inner() };
    if (random(5) === 0) out.hide_inner = inner();
  }
  return out;
}

const rules = (
  ...masks: readonly (readonly [PolicyRule['at'], PolicyRule['mask']])[]
): readonly PolicyRule[] => masks.map(([at, mask], i) => ({ id: `r${i}`, at, mask }));
const star = { do: 'redact', with: '*' } as const;

/** The decoded message as the rules of the tests below would have it. */
function hidden(
  value: Record<string, unknown>,
  hide: (name: string, value: unknown) => unknown,
): Record<string, unknown> {
  const walk = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(walk);
    if (typeof each !== 'object' || each === null || Buffer.isBuffer(each) || each instanceof Uint8Array)
      return each;
    return Object.fromEntries(Object.entries(each).map(([name, member]) => [name, walk(hide(name, member))]));
  };
  const walked = walk(value);
  return typeof walked === 'object' && walked !== null ? { ...walked } : {};
}

test('random messages with masked texts are those that decoding, masking and encoding gives, byte for byte', () => {
  const random = randoms(1);
  const names = ['hide_s', 'hide_list', 'hide_x'];
  const mask = callMasker(schema, {
    rules: rules([names.map((name) => `proto:test.Message.${name}` as const), star]),
  });
  const replace = (text: unknown) => (text === '' ? '' : '*');
  for (let i = 0; i < count; i++) {
    const message = aMessage(random);
    const bytes = type.encode(type.create(message)).finish();
    const expected = hidden(message, (name, value) => {
      if (!names.includes(name)) return value;
      return Array.isArray(value) ? value.map(replace) : replace(value);
    });
    const { data } = mask(bytes);
    expect(data?.equals(type.encode(type.create(expected)).finish()), `message ${i}`).toBe(true);
  }
}, 600_000);

test('random messages decode to what masking the decoded message gives', () => {
  const random = randoms(2);
  const mask = callMasker(schema, {
    rules: rules(
      ['proto:test.Message.hide_inner', 'redact'],
      ['proto:test.Message.hide_x', 'remove'],
      ['proto:test.Message.hide_*', star],
    ),
  });
  const options = { longs: Number, defaults: true, arrays: true, oneofs: false } as const;
  const zeroOf = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(zeroOf);
    if (typeof value === 'string') return value === '' ? '' : '*';
    if (value instanceof Uint8Array) return Buffer.alloc(value.length);
    return typeof value === 'boolean' ? false : 0;
  };
  for (let i = 0; i < count; i++) {
    const bytes = type.encode(type.create(aMessage(random))).finish();
    const expected = hidden(type.toObject(type.decode(bytes), options), (name, value) => {
      if (!name.startsWith('hide_')) return value;
      if (name === 'hide_inner') return value === null ? null : type.toObject(type.create({}), options);
      return name === 'hide_x' ? '' : zeroOf(value);
    });
    const { data } = mask(bytes);
    const found = type.toObject(type.decode(data ?? Buffer.of(0)), options);
    const plain = (value: Record<string, unknown>) =>
      JSON.stringify(
        hidden(value, (_, each) => (each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each)),
      );
    const without = (text: string) => text.replaceAll('"hide_x":"",', '').replaceAll(',"hide_x":""', '');
    expect(without(plain(found)), `message ${i}`).toBe(without(plain(expected)));
  }
}, 600_000);

test('bytes that were tampered with never make the masker fail, and never show a text that strict masks', () => {
  const random = randoms(3);
  const mask = callMasker(schema, { extends: 'strict' });
  let dropped = 0;
  for (let i = 0; i < count; i++) {
    const { map, ...message } = aMessage(random, 1);
    const bytes = type.encode(type.create({ ...message, s: 'canary', list: ['canary', 'canary'] })).finish();
    const tampered = Buffer.from(bytes);
    for (let n = random(4); n >= 0; n--) tampered[random(tampered.length)] = random(256);
    const { data, state } = mask(tampered.subarray(0, tampered.length - (random(4) === 0 ? random(9) : 0)));
    expect(state).not.toBe('dropped:error');
    if (state.startsWith('dropped')) dropped++;
    // Keys of maps are names, which strict shows: one that came of the tampering is not what is looked for here.
    if (data?.includes('canary') === true)
      expect(type.decode(data)).toMatchObject({ map: expect.anything() });
  }
  expect(dropped).toBeGreaterThan(count / 10);
}, 600_000);
