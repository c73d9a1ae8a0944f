import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { BodyMasker } from '../../packages/core/src/mask/body/body-unit.ts';
import { CsvMasker } from '../../packages/core/src/mask/body/csv-masker.ts';
import { MessageMasker } from '../../packages/core/src/mask/body/message-masker.ts';
import { MultipartMasker } from '../../packages/core/src/mask/body/multipart-masker.ts';
import { SideBody } from '../../packages/core/src/mask/body/side-body.ts';
import { createMasker } from '../../packages/core/src/mask/create-masker.ts';
import { Detectors } from '../../packages/core/src/mask/detect/detectors.ts';
import { ValueFinder } from '../../packages/core/src/mask/detect/value-finder.ts';
import { CookieMasker } from '../../packages/core/src/mask/head/cookies.ts';
import { HeadMasker } from '../../packages/core/src/mask/head/head-masker.ts';
import { HeaderMasker } from '../../packages/core/src/mask/head/header-masker.ts';
import { Edits } from '../../packages/core/src/mask/json/edits.ts';
import { JsonPairs } from '../../packages/core/src/mask/json/json-pairs.ts';
import { JsonScanner } from '../../packages/core/src/mask/json/json-scanner.ts';
import type { Policy } from '../../packages/core/src/mask/policy/policy.ts';
import { AuditLog } from '../../packages/core/src/mask/rules/scope.ts';
import { GraphqlMasker } from '../../packages/core/src/mask/text/graphql-masker.ts';
import { TextMasker } from '../../packages/core/src/mask/text/text-masker.ts';
import { UrlMasker } from '../../packages/core/src/mask/text/url.ts';
import { Replacer } from '../../packages/core/src/mask/value/replace.ts';
import { Tokens } from '../../packages/core/src/mask/value/tokens.ts';
import type { CaptureEvent, ExchangeEvent } from '../../packages/core/src/model/event.ts';
import { memorySink } from '../../packages/core/src/record/memory-sink.ts';
import { createRecorder } from '../../packages/core/src/record/recorder.ts';
import { ManualClock } from '../../packages/core/src/testing/manual-clock.ts';
import { tempDir } from '../support/captures.ts';
import { textOf } from './evidence.ts';
import { leaksIn } from './needles.ts';
import { playInto } from './play.ts';
import { type Control, control, eventsOf, policy, recordAll } from './record.ts';

// The raw events of every case, recorded while a part of the masker throws an error that quotes what it was given.

const parts = {
  BodyMasker,
  CookieMasker,
  CsvMasker,
  Detectors,
  Edits,
  GraphqlMasker,
  HeadMasker,
  HeaderMasker,
  JsonPairs,
  JsonScanner,
  MessageMasker,
  MultipartMasker,
  Replacer,
  AuditLog,
  SideBody,
  TextMasker,
  Tokens,
  UrlMasker,
  ValueFinder,
};

const folder = tempDir();
let plain: Control;

beforeAll(async () => {
  const mask = { version: 1, extends: 'none' } as const;
  const { service } = await recordAll({ folder: folder.path, recorder: { mask }, marksCases: true });
  plain = control(await eventsOf(service.path));
}, 60_000);

afterEach(() => vi.restoreAllMocks());
afterAll(() => folder[Symbol.dispose]());

/** The rules of the test, and some for the parts that no default rule needs. */
const rules: Policy = {
  ...policy,
  key: { base64: Buffer.alloc(32, 7).toString('base64') },
  limits: { cachedTokens: 0 },
  rules: [
    ...(policy.rules ?? []),
    { id: 'short', at: 'key:pin', mask: { do: 'token', bits: 64 } },
    { id: 'format', at: 'key:deviceId', mask: 'format' },
    { id: 'injective', at: 'key:cardNumber', mask: { do: 'format', injective: true } },
    { id: 'whole', at: 'key:tokens', mask: 'redact' },
    { id: 'body', when: { contentType: ['image/*'] }, at: 'body', mask: 'token' },
  ],
};
/** Long bodies show nothing here that short ones do not. */
const short = (events: readonly CaptureEvent[]): boolean =>
  events.every((event) => event.type !== 'chunk' || event.size < 4096);

interface Patched {
  readonly part: string;
  readonly method: string;
  readonly patch: (instead: (...given: unknown[]) => never) => {
    readonly mock: { readonly calls: readonly unknown[] };
  };
}

/** Every method of every part. */
function methods(): Patched[] {
  return Object.entries(parts).flatMap(([part, { prototype }]) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([method, { value }]) => {
      if (method === 'constructor' || typeof value !== 'function') return [];
      const patch: Patched['patch'] = (instead) => {
        const spy = vi.fn(instead);
        Object.defineProperty(prototype, method, { value: spy, configurable: true, writable: true });
        return spy;
      };
      return [{ part, method, patch }];
    }),
  );
}

function quote(given: unknown): string {
  if (given instanceof Uint8Array) return Buffer.from(given).toString('latin1');
  try {
    return JSON.stringify(given) ?? '';
  } catch {
    return String(given);
  }
}

async function recordWith(fault: Patched): Promise<{ leaks: string[]; calls: number; dropped: boolean }> {
  const { prototype } = parts[fault.part as keyof typeof parts];
  const before = Object.getOwnPropertyDescriptor(prototype, fault.method);
  const warnings: string[] = [];
  const warn = (warning: Error) => warnings.push(`${warning.stack}`);
  process.on('warning', warn);
  const sink = memorySink();
  const recorder = createRecorder({
    service: 'leaks',
    sink,
    mask: rules,
    lane: 'header:host',
    clock: new ManualClock(),
    pipeline: 'inline',
  });
  const spy = fault.patch((...given) => {
    throw new Error(`cannot mask ${given.map(quote).join(' ')}`);
  });
  try {
    for (const [one, events] of plain.events)
      if (one.strict === undefined && short(events)) playInto(recorder, events);
    const stats = await recorder.close();
    const text = `${textOf(sink.events)}\n${JSON.stringify([sink.header, stats])}\n${warnings.join('\n')}`;
    return {
      leaks: leaksIn(newLines(text), `${fault.part}.${fault.method}`),
      calls: spy.mock.calls.length,
      dropped: sink.events.some(saysDropped) || stats.eventsLost.mask > 0,
    };
  } finally {
    process.off('warning', warn);
    if (before !== undefined) Object.defineProperty(prototype, fault.method, before);
  }
}

const searched = new Set<string>();

/** With a clock that stands, most of what is recorded is the same whichever part fails: it is searched once. */
function newLines(text: string): string {
  const lines = text.split('\n').filter((line) => !searched.has(line));
  for (const line of lines) searched.add(line);
  return lines.join('\n');
}

/** A head without its fields, a body or message that is dropped, or nothing where something was. */
function saysDropped(event: CaptureEvent): boolean {
  if (event.type === 'start') return event.lane === 'unknown';
  if (event.type === 'headers' || event.type === 'trailers') return event.headers.length === 0;
  return (event.type === 'end' || event.type === 'message') && event.state === 'dropped:error';
}

/** What records nothing: methods that are called once as a masker is made, by tools only, or for gaps, which this record has none of. */
const apart = [
  'Detectors.scanForKeys',
  'SideBody.gap',
  'Replacer.alsoForget',
  'Replacer.withoutShapes',
  'AuditLog.merge',
];

test('whatever part of the masker fails, nothing unmasked is kept, and the record says so', async () => {
  const problems: string[] = [];
  for (const fault of methods()) {
    const name = `${fault.part}.${fault.method}`;
    if (apart.includes(name)) continue;
    const { leaks, calls, dropped } = await recordWith(fault);
    problems.push(...leaks);
    if (calls === 0) problems.push(`${name}: never called`);
    else if (!dropped && fault.method !== 'close') problems.push(`${name}: nothing says that it failed`);
  }
  expect(problems).toEqual([]);
}, 120_000);

test.each(['default/detect/private-key', 'default/undecodable'])(
  'without the rule %s, which has no switch, some position leaks',
  (rule) => {
    const { text } = Replacer.prototype;
    vi.spyOn(Replacer.prototype, 'text').mockImplementation(function (this: Replacer, by, value) {
      return by.id === rule ? value : text.call(this, by, value);
    });
    const masker = createMasker(policy);
    const leaking = [...plain.events].filter(
      ([one, events]) =>
        one.strict === undefined &&
        short(events) &&
        leaksIn(textOf(events.flatMap((event) => masker.mask(event)))).length > 0,
    );
    expect(leaking.length).toBeGreaterThan(0);
  },
);

test.each(['beforeMask', 'onExchange', 'onEvent'] as const)(
  'a hook %s that fails with what it was given in its error leaves nothing of it',
  async (point) => {
    const warnings: string[] = [];
    const warn = (warning: Error) => warnings.push(`${warning.stack}`);
    process.on('warning', warn);
    const sink = memorySink();
    let calls = 0;
    const fail = (event: ExchangeEvent): never => {
      calls++;
      throw new Error(`no ${quote(event)} ${textOf([event])}`);
    };
    const recorder = createRecorder({ service: 'leaks', sink, mask: rules, hooks: { [point]: fail } });
    for (const [one, events] of plain.events) if (one.strict === undefined) playInto(recorder, events);
    const stats = await recorder.close();
    process.off('warning', warn);
    expect(calls).toBeGreaterThan(300);
    const text = [textOf(sink.events), JSON.stringify([sink.header, stats]), ...warnings].join('\n');
    expect(leaksIn(text)).toEqual([]);
  },
);
