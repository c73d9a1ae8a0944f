import { expect } from 'vitest';
import { createMasker } from '../../src/mask/create-masker.ts';
import type { JsonScanner } from '../../src/mask/json/json-scanner.ts';
import type { Masker } from '../../src/mask/masker.ts';
import type { MaskLimits, Policy } from '../../src/mask/policy/policy.ts';
import { resolvePolicy } from '../../src/mask/policy/resolve-policy.ts';
import { PolicyRules } from '../../src/mask/rules/rules.ts';
import { Scope } from '../../src/mask/rules/scope.ts';
import { TextMasker } from '../../src/mask/text/text-masker.ts';
import { Replacer } from '../../src/mask/value/replace.ts';
import { Tokens } from '../../src/mask/value/tokens.ts';
import type { CaptureEvent, ContentState, Side } from '../../src/model/event.ts';

export const key = { base64: Buffer.alloc(32, 7).toString('base64') };

/** A policy with a fixed key. */
export function aPolicy(over: Partial<Policy> = {}): Policy {
  return { version: 1, key, ...over };
}

/** The parts of a masker, to be tested by themselves. */
export function aTextMasker(over: Partial<Policy> = {}): {
  text: TextMasker;
  scope: Scope;
  scanner: JsonScanner;
  tokens: Tokens;
} {
  const policy = resolvePolicy(aPolicy(over));
  const tokens = new Tokens(policy.keys, policy.limits.cachedTokens);
  const context = {
    direction: 'inbound',
    protocol: 'http',
    method: 'GET',
    host: '',
    path: '/',
    contentType: '',
  } as const;
  const scope = new Scope(new PolicyRules(policy).select({ ...context, part: 'request' }));
  const text = new TextMasker(scope, new Replacer(tokens, policy.jwt), policy.limits);
  return { text, scope, scanner: text.scanner(0), tokens };
}

/** A JSON document after masking, or why there is none. */
export function maskJson(document: string, over: Partial<Policy> = {}): string {
  const { scanner } = aTextMasker(over);
  const bytes = Buffer.from(document);
  const problem = scanner.scan(bytes, 0, bytes.length, 0);
  return problem === '' ? scanner.edits.applyToBytes(bytes).toString() : problem;
}

export interface Message {
  readonly target?: string;
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** Where the body is cut into chunks. */
  readonly cuts?: readonly number[];
  readonly type?: string;
  readonly responseHeaders?: readonly string[];
  readonly response?: string | Uint8Array;
  readonly responseType?: string;
  readonly responseCuts?: readonly number[];
  readonly reason?: string;
  readonly peer?: string;
  readonly limits?: MaskLimits;
  readonly state?: ContentState;
  readonly complete?: boolean;
}

/** The raw events of one exchange. */
export function rawEvents(message: Message, exchange = 1, firstSeq = 1): CaptureEvent[] {
  let seq = firstSeq;
  const stamp = () => ({ seq: seq++, at: seq * 1000, exchange });
  const type = message.type === undefined ? [] : ['Content-Type', message.type];
  const responseType = message.responseType === undefined ? [] : ['Content-Type', message.responseType];
  const events: CaptureEvent[] = [
    {
      type: 'start',
      ...stamp(),
      direction: 'inbound',
      protocol: 'http',
      lane: '1',
      scheme: 'http',
      version: '1.1',
      method: message.method ?? 'POST',
      target: message.target ?? '/',
      headers: [...(message.headers ?? []), ...type],
      peer: message.peer,
      sampleRate: 1,
    },
  ];
  const content = (side: Side, body: string | Uint8Array | undefined, cuts: readonly number[] = []): void => {
    const bytes = Buffer.from(body ?? '');
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      if (to > from || to === bytes.length) {
        if (bytes.length > 0) {
          events.push({ type: 'chunk', ...stamp(), side, size: to - from, data: bytes.subarray(from, to) });
        }
        from = to;
      }
    }
    const { state = 'kept', complete = true } = side === 'request' ? message : {};
    events.push({ type: 'end', ...stamp(), side, size: bytes.length, state, complete });
  };
  content('request', message.body, message.cuts);
  events.push({
    type: 'headers',
    ...stamp(),
    status: 200,
    reason: message.reason ?? 'OK',
    version: '1.1',
    headers: [...(message.responseHeaders ?? []), ...responseType],
  });
  content('response', message.response, message.responseCuts);
  return events;
}

export interface MaskedSide {
  readonly headers: readonly string[];
  readonly body: string;
  readonly bytes: Buffer;
  readonly state: ContentState;
  /** The shares of the chunks, one after the other. */
  readonly shares: readonly string[];
}

export interface MaskedMessage {
  readonly target: string;
  readonly peer: string | undefined;
  readonly reason: string;
  readonly request: MaskedSide;
  readonly response: MaskedSide;
  readonly events: readonly CaptureEvent[];
  readonly rules: readonly string[];
  readonly unknownHeaders: readonly string[];
}

export function maskEvents(masker: Masker, events: readonly CaptureEvent[]): CaptureEvent[] {
  return events.flatMap((event) => masker.mask(event));
}

/** One exchange through a masker. */
export function maskMessage(message: Message, policy: Partial<Policy> = {}): MaskedMessage {
  const limits = message.limits ?? policy.limits;
  const masker = createMasker(aPolicy({ ...policy, ...(limits === undefined ? {} : { limits }) }));
  return read(maskEvents(masker, rawEvents(message)));
}

export function read(events: readonly CaptureEvent[]): MaskedMessage {
  const start = events.find((event) => event.type === 'start');
  const head = events.find((event) => event.type === 'headers');
  const audit = events.find((event) => event.type === 'audit');
  const side = (name: Side, headers: readonly string[]): MaskedSide => {
    const pieces: Buffer[] = [];
    let shares: string[] = [];
    for (const event of events) {
      if (event.type !== 'body' || event.side !== name) continue;
      const data = Buffer.from(event.data);
      let from = 0;
      const all = event.ends.map((end) => {
        const share = data.subarray(from, end).toString();
        from = end;
        return share;
      });
      shares = [...shares, ...all];
      pieces.push(data);
    }
    const bytes = Buffer.concat(pieces);
    const end = events.find((event) => event.type === 'end' && event.side === name);
    const state = end?.type === 'end' ? end.state : 'kept';
    return { headers, body: bytes.toString(), bytes, state, shares };
  };
  return {
    target: start?.target ?? '',
    peer: start?.peer,
    reason: head?.reason ?? '',
    request: side('request', start?.headers ?? []),
    response: side('response', head?.headers ?? []),
    events,
    rules: audit?.entries.map((entry) => entry.rule) ?? [],
    unknownHeaders: audit?.unknownHeaders ?? [],
  };
}

/** What is left of a header. */
export function maskHeader(name: string, value: string, policy: Partial<Policy> = {}): string | undefined {
  const { headers } = maskMessage({ headers: [name, value] }, policy).request;
  return headers[1];
}

function everyCut(body: string | Buffer): number[][] {
  const { length } = Buffer.from(body);
  return [
    ...Array.from({ length: length - 1 }, (_, i) => [i + 1]),
    Array.from({ length: length - 1 }, (_, i) => i + 1),
  ];
}

/** The masked request body must be the same wherever it is cut; gives it back. */
export function sameForEveryCut(message: Message, policy: Partial<Policy> = {}): string {
  const whole = maskMessage(message, policy).request;
  for (const cuts of everyCut(Buffer.from(message.body ?? ''))) {
    const cut = maskMessage({ ...message, cuts }, policy).request;
    expect([cuts.length, cut.body, cut.state]).toEqual([cuts.length, whole.body, whole.state]);
    expect(cut.shares.length).toBe(cuts.length + 1);
    expect(cut.shares.join('').replaceAll('�', '').length).toBeLessThanOrEqual(whole.body.length);
  }
  return whole.body;
}
