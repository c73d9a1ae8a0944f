import { GardenhoseError } from '../errors.ts';
import type { Side } from '../model/event.ts';
import { bodyBytes, type Chunk, type Content, type Exchange, type Message } from '../model/exchange.ts';
import { headerValue } from '../model/headers.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { patchMessage } from './change-message.ts';
import { checkRules } from './check-rules.ts';
import type { ReplayHooks } from './hook.ts';
import { patchBody, spreadEnds } from './patch-body.ts';
import { type CompiledRule, compileRules, inSample, rewriteHead, rewriteHeaders } from './rewrite-head.ts';
import type { HookRule, PatchBodyRule } from './rule.ts';
import { type Facts, whereMatches } from './where.ts';

/** Declarative rules by what they act on at replay. */
export interface SplitRules {
  /** Those that rewrite requests, mark and drop. They may run ahead. */
  readonly hooks: ReplayHooks;
  /** Those for side `response`: rewrites the recorded answer that the live one is compared with. */
  readonly answer: ((exchange: Exchange, schemas?: SchemaRegistry) => Exchange) | undefined;
}

/**
 * Declarative rules as hooks at replay. The whole recorded exchange is known, so every condition can be asked. Hooks see what
 * is sent, not what it is compared with: `replay({ rules })` also takes rules for side `response`.
 *
 * @throws GardenhoseError `invalid-option` when a rule is not valid, or is for side `response`
 */
export function replayRules(rules: readonly HookRule[]): ReplayHooks {
  const { hooks, answer } = splitRules(rules);
  if (answer === undefined) return hooks;
  const index = rules.findIndex(isAnswerRule);
  throw new GardenhoseError(
    'invalid-option',
    `rules[${index}]: side: hooks at replay rewrite requests only; give rules for responses to \`replay\` as \`rules\``,
    { subject: `rules[${index}]` },
  );
}

/**
 * Declarative rules for a replay, apart by what they act on.
 *
 * @throws GardenhoseError `invalid-option` when a rule is not valid
 */
export function splitRules(rules: readonly HookRule[]): SplitRules {
  const compiled = compileRules(checkRules(rules));
  const forAnswer = compiled.filter(({ rule }) => isAnswerRule(rule));
  const forRequest = compiled.filter(({ rule }) => !isAnswerRule(rule));
  return {
    hooks: {
      ahead: true,
      onSend(recorded, context) {
        const exchange = applyAll(forRequest, recorded, context.schemas);
        if (exchange === undefined) {
          context.drop();
          return undefined;
        }
        for (const { name, value } of exchange.marks.slice(recorded.marks.length)) context.mark(name, value);
        return { ...exchange, marks: recorded.marks };
      },
    },
    answer:
      forAnswer.length === 0
        ? undefined
        : (exchange, schemas) => applyAll(forAnswer, exchange, schemas) ?? exchange,
  };
}

function isAnswerRule(rule: HookRule): boolean {
  return 'side' in rule && rule.side === 'response';
}

function applyAll(
  rules: readonly CompiledRule[],
  recorded: Exchange,
  schemas: SchemaRegistry | undefined,
): Exchange | undefined {
  let exchange: Exchange | undefined = recorded;
  for (const rule of rules) {
    if (exchange === undefined) return undefined;
    if (whereMatches(rule.rule.where, factsOf(exchange))) exchange = applyRule(rule, exchange, schemas);
  }
  return exchange;
}

/** The exchange after one rule; undefined when the rule drops it. */
function applyRule(
  compiled: CompiledRule,
  exchange: Exchange,
  schemas: SchemaRegistry | undefined,
): Exchange | undefined {
  const { rule, index } = compiled;
  switch (rule.do) {
    case 'drop':
      return undefined;
    case 'sample':
      return inSample(rule.ratio, rule.by === 'lane' ? exchange.lane : String(exchange.id))
        ? exchange
        : undefined;
    case 'mark':
      return withMark(exchange, rule.name, rule.value);
    case 'patch-body':
      return exchange.protocol === 'grpc'
        ? patchedCall(exchange, rule, index, schemas)
        : patchedExchange(exchange, rule, index);
    default: {
      if ('side' in rule && rule.side === 'response') {
        const { response } = exchange;
        if (response === undefined) return exchange;
        return { ...exchange, response: { ...response, headers: rewriteHeaders(rule, response.headers) } };
      }
      return { ...exchange, request: rewriteHead(compiled, exchange.request) };
    }
  }
}

function withMark(exchange: Exchange, name: string, value: string): Exchange {
  return { ...exchange, marks: [...exchange.marks, { name, value }] };
}

function patchedExchange(exchange: Exchange, rule: PatchBodyRule, index: number): Exchange {
  const side: Side = rule.side ?? 'request';
  const content = exchange[side];
  if (content !== undefined) {
    const chunks = patchedChunks(content, rule);
    // No longer byte for byte what passed.
    if (chunks !== undefined) return { ...exchange, [side]: { ...content, chunks, state: 'masked' } };
  }
  return withMark(exchange, 'patch-missed', String(index));
}

/** Each message is a document of its own. What does not fit one stays as it is; the others are patched. */
function patchedCall(
  exchange: Exchange,
  rule: PatchBodyRule,
  index: number,
  schemas: SchemaRegistry | undefined,
): Exchange {
  const side: Side = rule.side ?? 'request';
  const content = exchange[side];
  const { headers, target } = exchange.request;
  const isJson = /json\s*(?:;|$)/i.test(headerValue(headers, 'content-type') ?? '');
  const type = schemas?.method(target)?.[side];
  let missed = content === undefined;
  const messages = content?.messages.map((message, at): Message => {
    if (rule.message !== undefined && rule.message !== at) return message;
    const isThere = message.state === 'kept' || message.state === 'masked';
    const data = !isThere
      ? undefined
      : isJson
        ? patchBody(message.data, rule.patch)
        : patchMessage(message.data, type, schemas, rule.patch);
    missed ||= data === undefined;
    return data === undefined || data === message.data ? message : { ...message, data, state: 'masked' };
  });
  const patched = messages === undefined ? exchange : { ...exchange, [side]: { ...content, messages } };
  return missed ? withMark(patched, 'patch-missed', String(index)) : patched;
}

function patchedChunks(content: Content, rule: PatchBodyRule): Chunk[] | undefined {
  if (content.state !== 'kept' && content.state !== 'masked') return undefined;
  const data = patchBody(bodyBytes(content), rule.patch);
  if (data === undefined) return undefined;
  const ends = spreadEnds(
    content.chunks.map((chunk) => chunk.data.length),
    data.length,
  );
  return content.chunks.map((chunk, i) => ({ ...chunk, data: data.subarray(ends[i - 1] ?? 0, ends[i]) }));
}

function factsOf(exchange: Exchange): Facts {
  const { direction, protocol, operation, marks, request, response } = exchange;
  const { method, target, headers } = request;
  return { direction, protocol, method, target, headers, operation, status: response?.status, marks };
}
