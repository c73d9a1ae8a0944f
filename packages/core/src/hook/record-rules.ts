import { GardenhoseError } from '../errors.ts';
import type { BodyEvent, ExchangeId, HeadersEvent, MessageEvent, Side, StartEvent } from '../model/event.ts';
import type { Mark } from '../model/exchange.ts';
import { headerValue } from '../model/headers.ts';
import { patchMessage } from './change-message.ts';
import { checkRules } from './check-rules.ts';
import type { HookContext, LaterEvent, RecordHooks } from './hook.ts';
import { patchBody, spreadEnds } from './patch-body.ts';
import { type CompiledRule, compileRules, inSample, rewriteHead, rewriteHeaders } from './rewrite-head.ts';
import type { HookRule } from './rule.ts';
import { type Facts, whereMatches } from './where.ts';

/** What rules must remember of an exchange between its events. */
interface Seen {
  readonly start: StartEvent;
  operation: string | undefined;
  status: number | undefined;
  readonly marks: Mark[];
  readonly contentType: { request: string | undefined; response: string | undefined };
  readonly bodies: { request: number; response: number };
  readonly marked: Set<number>;
  readonly patched: Set<Side>;
  /** Indexes of rules that did not fit a message. */
  readonly missed: Set<number>;
  sidesEnded: number;
}

// An exchange that another hook takes out never ends here. No recorder has so many under way at once.
const maxOpen = 65_536;
// An application that marks without end must not fill the memory; rules ask for marks by name, near the beginning.
const maxMarks = 64;

/**
 * Declarative rules as hooks while recording. A rule acts on an event when it comes, so it can only ask for what is
 * known by then: `drop` and `mark` rules are asked at the start, at the response head and at each mark, and a drop takes
 * the exchange out from there on; rules that rewrite the request, and `sample`, are asked once, at the start.
 * JSON Patch applies to bodies that are one JSON text by their content type.
 *
 * @throws GardenhoseError `invalid-option` when a rule is not valid, or asks for a status or mark too early
 */
export function recordRules(rules: readonly HookRule[]): RecordHooks {
  const compiled = compileRules(checkRules(rules));
  for (const { rule, index } of compiled) refuseTooEarly(rule, index);
  const seen = new Map<ExchangeId, Seen>();
  return {
    onExchange(start, context) {
      const state = newSeen(start);
      const kept = applyAtStart(compiled, state, context);
      if (kept !== undefined) seen.set(start.exchange, { ...state, start: kept });
      const oldest = seen.keys().next();
      if (seen.size > maxOpen && oldest.done !== true) seen.delete(oldest.value);
      return kept;
    },
    onEvent(event, context) {
      const state = seen.get(event.exchange);
      if (state === undefined) return undefined;
      const kept = applyLater(compiled, state, event, context);
      if (kept === undefined || hasEnded(state, event)) seen.delete(event.exchange);
      return kept;
    },
  };
}

/** The event as it shall be kept; undefined when the exchange was dropped. */
function applyAtStart(
  rules: readonly CompiledRule[],
  state: Seen,
  context: HookContext,
): StartEvent | undefined {
  let start = state.start;
  for (const compiled of rules) {
    const { rule, index } = compiled;
    if (!whereMatches(rule.where, factsOf({ ...state, start }))) continue;
    if (rule.do === 'drop') return drop(context);
    if (rule.do === 'sample') {
      if (!inSample(rule.ratio, rule.by === 'lane' ? start.lane : String(start.exchange)))
        return drop(context);
      start = { ...start, sampleRate: start.sampleRate * rule.ratio };
    } else if (rule.do === 'mark') mark(state, index, rule, context);
    else start = rewriteHead(compiled, start);
  }
  return start;
}

function applyLater(
  rules: readonly CompiledRule[],
  state: Seen,
  event: LaterEvent,
  context: HookContext,
): LaterEvent | undefined {
  if (event.type === 'body') return patched(rules, state, event, context);
  if (event.type === 'message') return patchedMessage(rules, state, event, context);
  if (event.type === 'mark') {
    if (event.name === 'operation') state.operation = event.value;
    if (state.marks.length < maxMarks) state.marks.push({ name: event.name, value: event.value });
    return decide(rules, state, context) ? event : undefined;
  }
  if (event.type === 'headers' && (event.status >= 200 || event.status === 101)) {
    state.status = event.status;
    state.contentType.response = headerValue(event.headers, 'content-type');
    return decide(rules, state, context) ? withRewrittenHeaders(rules, state, event) : undefined;
  }
  // No longer byte for byte what passed.
  if (event.type === 'end' && event.state === 'kept' && state.patched.has(event.side)) {
    return { ...event, state: 'masked' };
  }
  return event;
}

/** Asks the rules whose conditions may have become true by a new fact; false when the exchange was dropped. */
function decide(rules: readonly CompiledRule[], state: Seen, context: HookContext): boolean {
  for (const { rule, index } of rules) {
    if ((rule.do !== 'drop' && rule.do !== 'mark') || !whereMatches(rule.where, factsOf(state))) continue;
    if (rule.do === 'drop') {
      context.drop();
      return false;
    }
    mark(state, index, rule, context);
  }
  return true;
}

function withRewrittenHeaders(
  rules: readonly CompiledRule[],
  state: Seen,
  event: HeadersEvent,
): HeadersEvent {
  let headers = event.headers;
  for (const { rule } of rules) {
    if ('side' in rule && rule.side === 'response' && whereMatches(rule.where, factsOf(state))) {
      headers = rewriteHeaders(rule, headers);
    }
  }
  return headers === event.headers ? event : { ...event, headers };
}

function patched(
  rules: readonly CompiledRule[],
  state: Seen,
  event: BodyEvent,
  context: HookContext,
): BodyEvent {
  const first = state.bodies[event.side]++ === 0;
  let kept = event;
  for (const { rule, index } of rules) {
    if (rule.do !== 'patch-body' || (rule.side ?? 'request') !== event.side) continue;
    if (!whereMatches(rule.where, factsOf(state))) continue;
    // One body event is the whole body only where the body is one mask unit, which a JSON text is.
    const whole = first && isJsonType(state.contentType[event.side]);
    const data = whole ? patchBody(kept.data, rule.patch) : undefined;
    if (data === undefined) context.mark('patch-missed', String(index));
    else {
      kept = { ...kept, data, ends: spreadEnds(sharesOf(kept.ends), data.length) };
      state.patched.add(event.side);
    }
  }
  return kept;
}

/** Each message of a gRPC call is a document of its own. Of a rule that fits some and not others, that is told once. */
function patchedMessage(
  rules: readonly CompiledRule[],
  state: Seen,
  event: MessageEvent,
  context: HookContext,
): MessageEvent {
  const { protocol, target } = state.start;
  const isJson = isJsonType(state.contentType[event.side] ?? state.contentType.request);
  let kept = event;
  for (const { rule, index } of rules) {
    if (rule.do !== 'patch-body' || (rule.side ?? 'request') !== event.side || protocol !== 'grpc') continue;
    if ((rule.message ?? event.index) !== event.index || !whereMatches(rule.where, factsOf(state))) continue;
    const data =
      kept.data === undefined
        ? undefined
        : isJson
          ? patchBody(kept.data, rule.patch)
          : patchMessage(
              kept.data,
              context.schemas?.method(target)?.[event.side],
              context.schemas,
              rule.patch,
            );
    if (data === undefined) {
      if (!state.missed.has(index)) context.mark('patch-missed', String(index));
      state.missed.add(index);
    } else if (data !== kept.data) {
      kept = { ...kept, data, state: 'masked' };
      state.patched.add(event.side);
    }
  }
  return kept;
}

function sharesOf(ends: readonly number[]): number[] {
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

/** Whether a content type says that a body is one JSON text: not lines of JSON, not a sequence. */
function isJsonType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^[^;]*\bjson\s*(?:;|$)/i.test(contentType);
}

function mark(
  state: Seen,
  index: number,
  rule: { readonly name: string; readonly value: string },
  context: HookContext,
) {
  if (state.marked.has(index)) return;
  state.marked.add(index);
  state.marks.push({ name: rule.name, value: rule.value });
  context.mark(rule.name, rule.value);
}

function drop(context: HookContext): undefined {
  context.drop();
  return undefined;
}

function newSeen(start: StartEvent): Seen {
  return {
    start,
    operation: start.operation,
    status: undefined,
    marks: [],
    contentType: { request: headerValue(start.headers, 'content-type'), response: undefined },
    bodies: { request: 0, response: 0 },
    marked: new Set(),
    patched: new Set(),
    missed: new Set(),
    sidesEnded: 0,
  };
}

function factsOf(state: Seen): Facts {
  const { direction, protocol, method, target, headers } = state.start;
  return {
    direction,
    protocol,
    method,
    target,
    headers,
    operation: state.operation,
    status: state.status,
    marks: state.marks,
  };
}

function hasEnded(state: Seen, event: LaterEvent): boolean {
  if (event.type === 'end') state.sidesEnded++;
  return event.type === 'abort' || state.sidesEnded === 2;
}

function refuseTooEarly(rule: HookRule, index: number): void {
  const early =
    rule.do === 'sample' ||
    rule.do === 'rewrite-host' ||
    rule.do === 'rewrite-path' ||
    ('side' in rule ? rule.side !== 'response' : rule.do !== 'drop' && rule.do !== 'mark');
  const asked =
    rule.where?.status !== undefined ? 'status' : rule.where?.mark !== undefined ? 'mark' : undefined;
  if (!early || asked === undefined) return;
  throw new GardenhoseError(
    'invalid-option',
    `rules[${index}]: where.${asked}: is not known yet when ${rule.do} acts while recording; ` +
      'use it at replay, or with drop, mark or side "response"',
    { subject: `rules[${index}]` },
  );
}
