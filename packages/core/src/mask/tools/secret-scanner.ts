import type { CaptureHeader } from '../../model/capture-header.ts';
import type { ControlEvent, Side } from '../../model/event.ts';
import { bodyBytes, type Content, type Exchange, emptyExchange, type Mark } from '../../model/exchange.ts';
import { viewMessage } from '../../protobuf/message-view.ts';
import { decodeBody } from '../body/content-coding.ts';
import { contentType } from '../body/content-type.ts';
import type { DefaultRuleId } from '../policy/default-policy.ts';
import type { Policy, PolicyRule } from '../policy/policy.ts';
import { policyError } from '../policy/policy-error.ts';
import { isShapedJwt } from '../value/jwt-shape.ts';
import { tokenType } from '../value/tokens.ts';
import { type ChangedPlace, changedPlaces } from './changed-places.ts';
import { ExchangeTracer, type MaskAct, type TracedExchange } from './exchange-tracer.ts';

/** Something that looks like a secret, and where. Never the value. */
export interface SecretFinding {
  /** The rule that would have masked it. */
  readonly rule: string;
  readonly part: ChangedPlace['part'] | 'capture';
  readonly side: Side;
  /** Names on the way to it: `authorization`, `query email`, `$.items[*].card`. Empty where there are none. */
  readonly where: string;
}

/** What was found in one exchange. */
export interface ScannedExchange {
  readonly findings: readonly SecretFinding[];
  /** Bodies and messages of kinds that no policy reads: only detectors looked at their bytes. */
  readonly unread: number;
}

/** Rules that mask more than what looks like a secret. */
const broad: ReadonlySet<string> = new Set([
  'default/header/unknown',
  'default/graphql-literal',
  'default/lane',
  'default/undecodable',
  'default/proto/bytes',
]);
const opaqueBytes = 'default/proto/bytes';
const unknownField = 'default/proto/unknown-field';
const switchedOff: readonly DefaultRuleId[] = ['default/header/etag', 'default/header/body-hash'];
/** A cookie of a name that says nothing is suspicious when its value is as long as this. */
const longCookie = 16;
/** What masks other than tokens leave behind. */
const maskedLook = /^(?:\[REDACTED\]|.{0,6}\*\*\*.{0,4}|mk_[a-z][\w-]*@masked\.invalid)$/s;
/** The machine itself is nobody's address. */
const loopback = /^(?:127\.[\d.]+|::1|::ffff:127\.[\d.]+|localhost)$/;
const mostSearched = 200;
const mostClean = 10_000;
const unreadLimits = { bodyBytes: 64 << 20, decodedRatio: 10_000 };

/**
 * Finds what looks like secrets in exchanges, masked or not, by the rules and detectors that mask them: what they would still
 * change is a finding. Tokens and what else masks leave behind is none.
 */
export class SecretScanner {
  readonly #tracer: ExchangeTracer;
  /** Names in audits that were looked at and are no secrets. */
  readonly #clean = new Set<string>();

  /**
   * @param policy - Values that its rules keep are no findings, nor are places that it masks by format, in part or by fakes,
   *   since those cannot be told from values. Default `secure`.
   * @throws GardenhoseError `mask-policy`, `mask-key`
   */
  constructor(policy: Policy = { version: 1 }) {
    this.#tracer = new ExchangeTracer(searching(policy));
  }

  /**
   * Takes a schema of messages, a serialised `google.protobuf.FileDescriptorSet`: messages of gRPC that it describes are looked
   * at field by field. Of two that describe one message, the first holds.
   */
  describe(schema: Uint8Array): void {
    this.#tracer.describe(schema);
  }

  /** @param wasMasked - the capture says that it was masked: then numbers of places that the audit names are no findings */
  exchange(exchange: Exchange, wasMasked: boolean): ScannedExchange {
    const traced = this.#tracer.trace(exchange);
    const acts = traced.acts.filter((act) => looksSecret(act, exchange, wasMasked));
    const findings = acts.length === 0 ? [] : this.#located(acts, exchange, traced);
    const unread = this.#unread(exchange, traced);
    const inside = exchange.protocol === 'grpc' ? this.#withinFields(exchange, traced) : [];
    return {
      findings: [...findings, ...inside, ...unread.findings, ...this.#audit(exchange)],
      unread: unread.count,
    };
  }

  /** What a capture says of itself. */
  header(header: CaptureHeader): readonly SecretFinding[] {
    const { service, host, writer, sampling, tags } = header;
    const texts = Object.entries({ service, host, writer, sampling }).map(([name, value]) => ({
      name,
      value,
    }));
    const notes = Object.entries(tags).map(([name, value]) => ({ name, value }));
    // The address of the machine is what it is asked for by.
    return this.#notes([...texts, ...notes]).filter(({ rule }) => rule !== 'default/detect/ip');
  }

  control({ name, value }: ControlEvent): readonly SecretFinding[] {
    return this.#notes([{ name, value }]);
  }

  #audit({ audit, unknownHeaders }: Exchange): readonly SecretFinding[] {
    if (audit.length === 0 && unknownHeaders.length === 0) return [];
    // The same ones come with every exchange.
    const names = [...audit.map(({ rule }) => rule), ...unknownHeaders].filter(
      (name) => !this.#clean.has(name),
    );
    if (names.length === 0) return [];
    const findings = this.#notes(names.map((value) => ({ name: 'audit', value })));
    if (findings.length === 0 && this.#clean.size < mostClean)
      for (const name of names) this.#clean.add(name);
    return findings;
  }

  #notes(notes: readonly Mark[]): SecretFinding[] {
    const exchange: Exchange = { ...emptyExchange, marks: notes };
    const traced = this.#tracer.trace(exchange);
    const acts = traced.acts.filter((act) => looksSecret(act, exchange, false));
    return this.#located(acts, exchange, traced).map(({ rule, side, where }) => ({
      rule,
      part: 'capture',
      side,
      where,
    }));
  }

  /** Of fields that no schema knows, and of bytes that nobody knows, detectors look at what they hold. */
  #withinFields(exchange: Exchange, traced: TracedExchange): SecretFinding[] {
    const findings: SecretFinding[] = [];
    const look = (bytes: Uint8Array, side: Side, where: string): void => {
      const acts = this.#tracer
        .detect(bytes, 'message', side)
        .filter((act) => looksSecret(act, exchange, false));
      for (const { rule } of acts) findings.push({ rule, part: 'message', side, where });
    };
    const opaque = traced.acts.filter(({ rule }) => rule === opaqueBytes);
    for (const [i, { side, where }] of this.#located(opaque, exchange, traced).entries()) {
      look(Buffer.from(opaque[i]?.before ?? '', 'base64'), side, where);
    }
    const { schemas } = this.#tracer;
    const method = schemas.method(exchange.request.target);
    if (method === undefined || !traced.acts.some(({ rule }) => rule === unknownField)) return findings;
    const sides: [Side, Content | undefined][] = [
      ['request', exchange.request],
      ['response', exchange.response],
    ];
    for (const [side, content] of sides) {
      for (const [i, { data, state }] of (content?.messages ?? []).entries()) {
        const view = state.startsWith('dropped') ? undefined : viewMessage(schemas, method[side], data);
        if (view === undefined || 'problem' in view) continue;
        for (const { number, data: field, reason } of view.unread) {
          if (reason !== 'utf8') look(field, side, `message ${i} field ${number}`);
        }
      }
    }
    return findings;
  }

  #located(acts: readonly MaskAct[], exchange: Exchange, { masked }: TracedExchange): SecretFinding[] {
    return acts.length === 0 ? [] : located(acts, changedPlaces(exchange, masked, this.#tracer.schemas));
  }

  /** What masking would drop, detectors look at as it is. */
  #unread(
    before: Exchange,
    { masked: after, acts: all }: TracedExchange,
  ): { readonly findings: SecretFinding[]; readonly count: number } {
    const findings: SecretFinding[] = [];
    let count = 0;
    const look = (bytes: Uint8Array, part: 'body' | 'message', side: Side, where: string): void => {
      if (bytes.length === 0) return;
      count++;
      const acts = this.#tracer.detect(bytes, part, side).filter((act) => looksSecret(act, before, false));
      for (const { rule } of acts) findings.push({ rule, part, side, where });
    };
    const sides: [Side, Content | undefined, Content | undefined][] = [
      ['request', before.request, after.request],
      ['response', before.response, after.response],
    ];
    for (const [side, was, is] of sides) {
      if (was === undefined || is === undefined) continue;
      // Also a part of a body may be dropped.
      const dropped = all.some(
        (act) => act.part === 'body' && act.side === side && act.rule.startsWith('dropped:'),
      );
      if (dropped && !was.state.startsWith('dropped')) {
        const head = side === 'request' ? before.request.headers : (before.response?.headers ?? []);
        look(decodedBytes(bodyBytes(was), contentType(head).codings), 'body', side, '');
      }
      for (const [i, message] of was.messages.entries()) {
        const dropped = is.messages[i]?.state.startsWith('dropped') === true;
        if (dropped && !message.state.startsWith('dropped'))
          look(message.data, 'message', side, `message ${i}`);
      }
    }
    return { findings, count };
  }
}

/** The policy by which to look: what it would mask looks like a secret. */
function searching(policy: Policy): Policy {
  if (policy.extends === 'none') throw policyError('extends', "'none' masks nothing, so it can find nothing");
  const { unknownHeaders: _, unknownContent: __, disable = [], rules = [], ...rest } = policy;
  return {
    ...rest,
    extends: 'secure',
    unknownHeaders: 'scan',
    disable: [...new Set([...disable, ...switchedOff])],
    rules: rules.map(trusting),
    limits: { ...policy.limits, bodyBytes: 64 << 20, heldBytes: 256 << 20, cachedTokens: 0 },
  };
}

function trusting(rule: PolicyRule): PolicyRule {
  const action = typeof rule.mask === 'string' ? rule.mask : rule.mask.do;
  const shows = action === 'format' || action === 'partial' || action === 'fake';
  return shows ? { ...rule, mask: { do: 'keep', detectors: false } } : rule;
}

function looksSecret({ rule, part, side, before }: MaskAct, exchange: Exchange, wasMasked: boolean): boolean {
  if (before === '' || broad.has(rule) || rule.startsWith('dropped:')) return false;
  if (rule === 'default/cookie' && before.length < longCookie) return false;
  if (isShapedJwt(before.replace(/^[A-Za-z]{1,10} /, ''))) return false;
  if (maskedLook.test(before) || tokenType(before) !== undefined || loopback.test(before)) return false;
  // A masked number is a number: that it was masked is only told by the audit.
  const isNumber = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(before);
  if (!wasMasked || !isNumber || (part !== 'body' && part !== 'message')) return true;
  return !exchange.audit.some((entry) => entry.rule === rule && entry.part === part && entry.side === side);
}

/** The findings with their places: acts and places come in the same order, and know each other by the value. */
function located(acts: readonly MaskAct[], places: readonly ChangedPlace[]): SecretFinding[] {
  const byValue = new Map<string, ChangedPlace[]>();
  for (const place of places) {
    const key = keyOf(place, place.before);
    const list = byValue.get(key);
    if (list === undefined) byValue.set(key, [place]);
    else list.push(place);
  }
  let searched = 0;
  return acts.map((act) => {
    const exact = byValue.get(keyOf(act, act.before));
    // One place may have been acted on twice; the last of several stays.
    const place =
      (exact !== undefined && exact.length > 1 ? exact.shift() : exact?.[0]) ??
      (searched++ < mostSearched
        ? places.find((each) => keyOf(each, '') === keyOf(act, '') && each.before.includes(act.before))
        : undefined);
    return {
      rule: act.rule,
      part: place?.part ?? act.part,
      side: act.side,
      where: (place?.where ?? '').replace(/\[\d+\]/g, '[*]').replace(/^line \d+ ?/, ''),
    };
  });
}

/** Masking counts marks among the headers. */
function keyOf({ part, side }: Pick<ChangedPlace, 'part' | 'side'>, value: string): string {
  return `${side} ${part === 'mark' ? 'header' : part} ${value}`;
}

function decodedBytes(bytes: Uint8Array, codings: readonly string[]): Uint8Array {
  if (codings.length === 0) return bytes;
  const decoded = decodeBody(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    codings,
    unreadLimits,
  );
  return typeof decoded === 'string' ? bytes : decoded.bytes;
}
