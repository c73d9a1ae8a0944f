import type { PolicySummary } from '../model/capture-header.ts';
import type {
  AbortEvent,
  AuditEvent,
  BodyEvent,
  CaptureEvent,
  ChunkEvent,
  ContentState,
  EndEvent,
  ExchangeEvent,
  ExchangeId,
  ExchangeStart,
  GapEvent,
  GapReason,
  HeadersEvent,
  MarkEvent,
  MessageEvent,
  Side,
  Stamp,
  TrailersEvent,
} from '../model/event.ts';
import { unknownStart } from '../model/exchange-builder.ts';
import { BodyMasker } from './body/body-unit.ts';
import { contentType } from './body/content-type.ts';
import { MessageMasker } from './body/message-masker.ts';
import type { BodyPiece, SideBody } from './body/side-body.ts';
import { withoutContent } from './body/without-content.ts';
import { ExchangeState } from './exchange-state.ts';
import { HeadMasker } from './head/head-masker.ts';
import { HeaderMasker } from './head/header-masker.ts';
import { ValueMemory } from './head/value-memory.ts';
import type { Masker } from './masker.ts';
import type { ResolvedPolicy } from './policy/resolve-policy.ts';
import { ProtobufMasker } from './protobuf/protobuf-masker.ts';
import type { PolicyRules } from './rules/rules.ts';
import { type MaskTrace, Scope } from './rules/scope.ts';
import { TextMasker } from './text/text-masker.ts';
import { Replacer } from './value/replace.ts';
import type { Tokens } from './value/tokens.ts';

const sides: readonly Side[] = ['request', 'response'];
/** Whoever declares gaps of other reasons ends the exchanges whose events are missing. */
const holes: ReadonlySet<GapReason> = new Set(['damage', 'sink-slow', 'sink-failed', 'worker-failed']);

/** The {@link Masker} of a policy: puts each part of an event before the masker that reads its format. */
export class PolicyMasker implements Masker {
  readonly summary: PolicySummary;
  readonly #policy: ResolvedPolicy;
  readonly #rules: PolicyRules;
  readonly #tokens: Tokens;
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #protobuf: ProtobufMasker;
  readonly #headers: HeaderMasker;
  readonly #heads: HeadMasker;
  readonly #memory: ValueMemory;
  readonly #bodies: BodyMasker;
  readonly #messages: MessageMasker;
  readonly #exchanges = new Map<ExchangeId, ExchangeState>();
  /** For events of exchanges whose start was not seen, or which were given up. */
  readonly #stray: ExchangeState;
  #held = 0;
  #last: Stamp | undefined;

  constructor(
    policy: ResolvedPolicy,
    rules: PolicyRules,
    tokens: Tokens,
    summary: PolicySummary,
    trace?: MaskTrace,
  ) {
    this.summary = summary;
    this.#policy = policy;
    this.#rules = rules;
    this.#stray = new ExchangeState(rules, unknownStart);
    this.#scope = new Scope(this.#stray.rules('request'));
    this.#scope.trace = trace;
    this.#tokens = tokens;
    const replacer = new Replacer(tokens, policy.jwt);
    this.#text = new TextMasker(this.#scope, replacer, policy.limits);
    this.#protobuf = new ProtobufMasker(this.#scope, this.#text, replacer, policy.limits);
    this.#memory = new ValueMemory(this.#scope, policy.limits.cachedTokens, (forget) =>
      tokens.cache.alsoForget(forget),
    );
    this.#headers = new HeaderMasker(this.#scope, this.#text, this.#protobuf, this.#memory);
    this.#heads = new HeadMasker(this.#scope, this.#text, this.#headers, this.#memory);
    this.#bodies = new BodyMasker(policy, this.#scope, this.#text, this.#headers);
    this.#messages = new MessageMasker(policy, this.#scope, this.#text, this.#bodies, this.#protobuf);
  }

  close(): void {
    this.#memory.clear();
    this.#tokens.close();
  }

  token(type: string, value: string): string {
    return this.#tokens.keyed(type, value);
  }

  mask(event: CaptureEvent): readonly CaptureEvent[] {
    const { type } = event;
    if (type === 'gap' || type === 'control' || type === 'clock' || type === 'schema') {
      if (event.type === 'gap') this.#gap(event);
      else if (event.type === 'schema') this.#protobuf.describe(event.data);
      this.#last = event;
      return [event];
    }
    let masked: readonly CaptureEvent[];
    try {
      masked = this.#exchangeEvent(event);
    } catch {
      // What cannot be masked is not kept. The error may quote what it stumbled over, so it is not kept either.
      masked = this.#failed(event);
    }
    this.#last = event;
    return masked;
  }

  again(event: ExchangeEvent): ExchangeEvent | undefined {
    const state = this.#exchanges.get(event.exchange) ?? this.#stray;
    this.#scope.again = true;
    try {
      switch (event.type) {
        case 'start':
        case 'resume':
          this.#scope.set(state.rules('request'), state.audit, 'target', 'request');
          return { ...event, ...this.#heads.start(event) };
        case 'headers':
          return this.#response(event, state);
        case 'trailers':
          return this.#trailers(event, state);
        case 'mark':
          return this.#mark(event, state);
        case 'message':
          return this.#message(event, state);
        default:
          return event;
      }
    } catch {
      return this.#failed(event)[0];
    } finally {
      this.#scope.again = false;
    }
  }

  /** Of messages only those of gRPC calls can be read twice. */
  #message(event: MessageEvent, state: ExchangeState): MessageEvent {
    if (state !== this.#stray && state.protocol !== 'grpc') return event;
    this.#scope.set(state.rules(event.side), state.audit, 'message', event.side);
    return this.#messages.mask(event, state);
  }

  #exchangeEvent(event: ExchangeEvent): readonly CaptureEvent[] {
    if (event.type === 'start' || event.type === 'resume') {
      const state = this.#open(event);
      this.#scope.set(state.rules('request'), state.audit, 'target', 'request');
      return [{ ...event, ...this.#heads.start(event) }];
    }
    const state = this.#exchanges.get(event.exchange) ?? this.#stray;
    switch (event.type) {
      case 'headers':
        return [this.#head(event, state)];
      case 'chunk':
        return this.#chunk(event, state);
      case 'body':
        return this.#body(event, state);
      case 'message':
        this.#scope.set(state.rules(event.side), state.audit, 'message', event.side);
        return [this.#messages.mask(event, state)];
      case 'trailers':
        return [this.#trailers(event, state)];
      case 'mark':
        return [this.#mark(event, state)];
      case 'end':
        return this.#end(event, state);
      case 'abort':
        return this.#abort(event, state);
      default:
        // The audit of an earlier masking goes into the one that will be written.
        for (const entry of event.entries) state.audit.merge(entry);
        for (const name of event.unknownHeaders) state.audit.unknownHeader(name);
        return state === this.#stray ? [event] : [];
    }
  }

  #open(event: ExchangeStart & { readonly exchange: ExchangeId }): ExchangeState {
    const state = new ExchangeState(this.#rules, event);
    this.#forget(event.exchange);
    if (this.#exchanges.size >= this.#policy.limits.openExchanges) {
      const [oldest] = this.#exchanges.keys();
      if (oldest !== undefined) this.#forget(oldest);
    }
    this.#exchanges.set(event.exchange, state);
    return state;
  }

  /** Events of exchanges that go on are missing: so may be parts of their bodies. */
  #gap({ reason, exchange }: GapEvent): void {
    if (exchange === undefined && !holes.has(reason)) return;
    for (const [id, state] of this.#exchanges) {
      if (exchange !== undefined && id !== exchange) continue;
      this.#held -= state.held;
      state.gap();
      this.#held += state.held;
    }
  }

  #forget(exchange: ExchangeId): void {
    this.#held -= this.#exchanges.get(exchange)?.held ?? 0;
    this.#exchanges.delete(exchange);
  }

  #head(event: HeadersEvent, state: ExchangeState): HeadersEvent {
    if (event.status >= 200 && state !== this.#stray) state.responseType(contentType(event.headers));
    return this.#response(event, state);
  }

  #response(event: HeadersEvent, state: ExchangeState): HeadersEvent {
    this.#scope.set(state.rules('response'), state.audit, 'status', 'response');
    const reason = this.#heads.reason(event.reason);
    this.#scope.part = 'header';
    return { ...event, reason, headers: this.#headers.mask(event.headers) };
  }

  #trailers(event: TrailersEvent, state: ExchangeState): TrailersEvent {
    this.#scope.set(state.rules(event.side), state.audit, 'trailer', event.side);
    return { ...event, headers: this.#headers.mask(event.headers) };
  }

  #mark(event: MarkEvent, state: ExchangeState): MarkEvent {
    const rules = state.rules('request');
    this.#scope.set(rules, state.audit, 'header', 'request');
    if (event.name === 'operation') return { ...event, value: this.#text.urls.operation(event.value) };
    const rule = rules.jsonName(event.name);
    const value =
      rule === undefined ? this.#text.mask(event.value, 0) : this.#text.maskUnder(rule, event.value, 0);
    return { ...event, name: this.#text.mask(event.name, 0), value };
  }

  #chunk(event: ChunkEvent, state: ExchangeState): CaptureEvent[] {
    const { data, ...shown } = event;
    if (state === this.#stray) return [shown];
    const body = state.openBody(event.side, this.#bodies, this.#policy.limits.bodyBytes);
    body.passed += event.size;
    if (data === undefined) {
      body.uncovered++;
      return [shown];
    }
    const piece = this.#append(body, data, state, event.side);
    return piece === undefined ? [shown] : [shown, bodyEvent(event, event, piece)];
  }

  /** The content of chunks that passed before: the capture was masked once already. */
  #body(event: BodyEvent, state: ExchangeState): CaptureEvent[] {
    if (state === this.#stray) return [];
    const body = state.openBody(event.side, this.#bodies, this.#policy.limits.bodyBytes);
    const out: CaptureEvent[] = [];
    let start = 0;
    for (const end of event.ends) {
      body.uncovered--;
      const piece = this.#append(body, event.data.subarray(start, end), state, event.side);
      if (piece !== undefined) out.push(bodyEvent(event, event, piece));
      start = end;
    }
    return out;
  }

  #append(body: SideBody, data: Uint8Array, state: ExchangeState, side: Side): BodyPiece | undefined {
    this.#scope.set(state.rules(side), state.audit, 'body', side);
    const before = body.held;
    const piece = body.append(data);
    this.#held += body.held - before;
    if (this.#held > this.#policy.limits.heldBytes) this.#makeRoom();
    return piece;
  }

  /** Gives up the bodies of the exchanges that have been under way the longest. */
  #makeRoom(): void {
    for (const state of this.#exchanges.values()) {
      if (this.#held <= this.#policy.limits.heldBytes) return;
      const { held } = state;
      if (held === 0) continue;
      state.dropBodies('backlog');
      this.#held -= held;
    }
  }

  #end(event: EndEvent, state: ExchangeState): CaptureEvent[] {
    const out: CaptureEvent[] = [];
    let content: ContentState = event.state;
    if (state === this.#stray) {
      if (event.size > 0 && !content.startsWith('dropped')) content = 'dropped:unknown-exchange';
      return [{ ...event, state: content }];
    }
    const body = state.body(event.side);
    if (body === undefined && state.hasGap && event.size > 0 && !content.startsWith('dropped'))
      content = 'dropped:truncated';
    if (body !== undefined) {
      if (state.hasGap && body.passed !== event.size) body.incomplete = true;
      if (content.startsWith('dropped')) body.drop(content.slice('dropped:'.length));
      const piece = this.#finish(body, state, event.side, content === 'truncated' || !event.complete);
      if (piece !== undefined) out.push(bodyEvent(this.#last ?? event, event, piece));
      content = stateOf(body, content);
      if (body.problem !== '') this.#scope.countDroppedBody(body.problem);
    }
    if (state.end(event.side)) {
      out.push(this.#audit(event, state));
      this.#forget(event.exchange);
    }
    out.push({ ...event, state: content });
    return out;
  }

  #finish(body: SideBody, state: ExchangeState, side: Side, cut: boolean): BodyPiece | undefined {
    this.#scope.set(state.rules(side), state.audit, 'body', side);
    const before = body.held;
    if (body.uncovered > 0) body.incomplete = true;
    const piece = body.finish(cut);
    this.#held += body.held - before;
    return piece;
  }

  #abort(event: AbortEvent, state: ExchangeState): CaptureEvent[] {
    if (state === this.#stray) return [event];
    const out: CaptureEvent[] = [];
    for (const side of sides) {
      const body = state.body(side);
      if (body === undefined || state.hasEnded(side)) continue;
      if (state.hasGap) body.incomplete = true;
      const piece = this.#finish(body, state, side, true);
      if (piece !== undefined)
        out.push(bodyEvent(this.#last ?? event, { exchange: event.exchange, side }, piece));
      if (body.problem !== '') this.#scope.countDroppedBody(body.problem);
    }
    // The application's own errors may name the code.
    this.#scope.set(state.rules('response'), state.audit, 'status', 'response');
    const code = this.#text.mask(event.code, 0);
    out.push(this.#audit(event, state), { ...event, code });
    this.#forget(event.exchange);
    return out;
  }

  #audit(event: EndEvent | AbortEvent, state: ExchangeState): AuditEvent {
    const { seq, at } = this.#last ?? event;
    return {
      type: 'audit',
      seq,
      at,
      exchange: event.exchange,
      entries: state.audit.entries(),
      unknownHeaders: state.audit.unknownHeaders(),
    };
  }

  /** An event that could not be masked, without what it held. */
  #failed(event: ExchangeEvent): readonly ExchangeEvent[] {
    const out: ExchangeEvent[] = [];
    const state = this.#exchanges.get(event.exchange);
    if ((event.type === 'chunk' || event.type === 'body') && state !== undefined) {
      this.#held -= state.held;
      state.dropBodies('error');
    }
    if (event.type === 'end' && state?.end(event.side)) {
      out.push(this.#audit(event, state));
      this.#forget(event.exchange);
    }
    if (event.type === 'abort') this.#forget(event.exchange);
    const shown = withoutContent(event);
    if (shown !== undefined) out.push(shown);
    return out;
  }
}

function bodyEvent(
  { seq, at }: Stamp,
  { exchange, side }: { readonly exchange: ExchangeId; readonly side: Side },
  { data, ends }: BodyPiece,
): BodyEvent {
  return { type: 'body', seq, at, exchange, side, data, ends };
}

function stateOf(body: SideBody, before: ContentState): ContentState {
  if (body.problem !== '') return body.given ? 'truncated' : `dropped:${body.problem}`;
  if (before === 'truncated') return 'truncated';
  return body.masked || before === 'masked' ? 'masked' : 'kept';
}
