import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isJsonObject, type JsonValue } from '../../src/model/json-value.ts';
import { sameJson } from '../../src/protobuf/json-equal.ts';
import { layoutOf } from '../../src/protobuf/message-layout.ts';
import { partsOf } from '../../src/protobuf/message-parts.ts';
import { viewMessage } from '../../src/protobuf/message-view.ts';
import { rewriteMessage } from '../../src/protobuf/rewrite-message.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { everyKind, messageType } from './every-kind.ts';
import { randomWire, randomWireWithJson } from './random-wire.ts';

const registry = new SchemaRegistry();
registry.add(everyKind.schema);
const type = 'test.Message';
const layout = layoutOf(registry, type);

function viewed(bytes: Uint8Array, defaults = false): JsonValue {
  const view = viewMessage(registry, type, bytes, { defaults });
  if ('problem' in view) throw new Error(view.problem);
  return view.value;
}

function rewritten(bytes: Uint8Array, after: JsonValue, defaults = false): Uint8Array {
  const out = rewriteMessage(registry, type, bytes, after, { defaults });
  if ('problem' in out) throw new Error(JSON.stringify(out));
  return out.bytes;
}

test('a message whose view did not change keeps every byte', () => {
  fc.assert(
    fc.property(randomWire, fc.boolean(), (bytes, defaults) => {
      expect(rewritten(bytes, structuredClone(viewed(bytes, defaults)), defaults)).toBe(bytes);
    }),
    { numRuns: 3_000 },
  );
});

test('a message can be given the view of any other, and then has it', () => {
  fc.assert(
    fc.property(randomWire, randomWireWithJson, (bytes, other) => {
      const after = viewed(other, true);
      expect(sameJson(viewed(rewritten(bytes, after, true), true), after)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test('an entry of a map that a later one replaces has no say in the form of what holds it', () => {
  // A Struct with the entry b twice: a Value without a kind, which has no form in JSON, and a null.
  const twice = Buffer.from('fa03070a050a01621200fa03090a070a016212020800', 'hex');
  expect(viewed(twice)).toEqual({ struct: { b: null } });
  const once = Buffer.from('fa03090a070a016212020800', 'hex');
  expect(viewed(rewritten(twice, viewed(once)))).toEqual({ struct: { b: null } });
});

test('where one field changes, all others keep their bytes and their order', () => {
  const others = (bytes: Uint8Array, key: string): string[] => {
    if (layout === undefined) throw new Error('no layout');
    const { oneof = -1, number = 0 } = layout.byKey.get(key) ?? {};
    return partsOf(layout, bytes, 0, bytes.length, 0, () => {})
      .filter((part) => part.number !== number && (oneof < 0 || part.field?.oneof !== oneof))
      .map((part) => Buffer.from(bytes).toString('hex', part.start, part.end));
  };
  fc.assert(
    fc.property(randomWire, randomWire, fc.nat(), (bytes, other, n) => {
      const [before, donor] = [viewed(bytes), viewed(other)];
      if (!isJsonObject(before) || !isJsonObject(donor)) throw new Error('no objects');
      const keys = [...new Set([...Object.keys(before), ...Object.keys(donor)])];
      const key = keys[n % keys.length];
      if (key === undefined) return;
      const { oneof = -1 } = layout?.byKey.get(key) ?? {};
      const after = { ...before };
      for (const name of Object.keys(after))
        if (oneof >= 0 && layout?.byKey.get(name)?.oneof === oneof) delete after[name];
      const value = donor[key];
      if (value === undefined) delete after[key];
      else after[key] = value;
      const out = rewritten(bytes, after);
      expect(others(out, key)).toEqual(others(bytes, key));
    }),
    { numRuns: 3_000 },
  );
});

test('bytes that were tampered with are told, and never make it fail', () => {
  let problems = 0;
  fc.assert(
    fc.property(randomWire, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (bytes, changes) => {
      const broken = Buffer.from(bytes);
      for (const [at, byte] of changes) broken[at % Math.max(1, broken.length)] = byte;
      const view = viewMessage(registry, type, broken);
      if ('problem' in view) problems++;
      else expect(rewritten(broken, structuredClone(view.value))).toBe(broken);
    }),
    { numRuns: 3_000 },
  );
  expect(problems).toBeGreaterThan(100);
});

test('a view is what protobufjs decodes', () => {
  const number = fc.integer();
  const text = fc.string({ unit: 'grapheme', maxLength: 8 });
  const long = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String);
  const natural = fc.bigInt(0n, 2n ** 64n - 1n).map(String);
  const real = fc.double();
  const bytes = fc.uint8Array({ maxLength: 6 }).map((each) => Buffer.from(each).toString('base64'));
  const level = fc.constantFrom('NONE', 'LOW', 'HIGH', 'COLD');
  const float = fc.float();
  const flat = fc.record(
    {
      a_double: real,
      a_float: float,
      an_int64: long,
      a_uint64: natural,
      an_int32: number,
      a_fixed64: natural,
      a_fixed32: fc.nat(),
      a_bool: fc.boolean(),
      a_string: text,
      some_bytes: bytes,
      a_uint32: fc.nat(),
      a_level: level,
      an_sfixed32: number,
      an_sfixed64: long,
      an_sint32: number,
      an_sint64: long,
      doubles: fc.array(real),
      int64s: fc.array(long),
      uint64s: fc.array(natural),
      int32s: fc.array(number),
      fixed64s: fc.array(natural),
      bools: fc.array(fc.boolean()),
      strings: fc.array(text),
      blobs: fc.array(bytes),
      levels: fc.array(level),
      sint64s: fc.array(long),
      loose: fc.array(number),
      one_text: text,
      maybe: number,
      far: text,
      by_name: fc.dictionary(text, text),
      by_flag: fc.dictionary(fc.constantFrom('true', 'false'), level),
      by_number: fc.dictionary(number.map(String), real),
      maybe_text: text,
    },
    { requiredKeys: [] },
  ); // prettier-ignore
  const nested = fc.record({ inner: flat, many: fc.array(flat, { maxLength: 3 }) }, { requiredKeys: [] });
  fc.assert(
    fc.property(flat, nested, (top, within) => {
      const encoded = messageType.encode(messageType.fromObject({ ...top, ...within })).finish();
      const theirs: JsonValue = JSON.parse(
        JSON.stringify(
          messageType.toObject(messageType.decode(encoded), {
            longs: String,
            enums: String,
            bytes: String,
            json: true,
          }),
        ),
      );
      const ours: JsonValue = JSON.parse(JSON.stringify(viewed(encoded)));
      expect(sameJson(rounded(ours), rounded(theirs))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

/** With floats as doubles, which is how protobufjs tells them. */
function rounded(value: JsonValue, name = ''): JsonValue {
  if (typeof value === 'number' && name === 'a_float') return Math.fround(value);
  if (Array.isArray(value)) return value.map((each) => rounded(each, name));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each, key)]));
}
