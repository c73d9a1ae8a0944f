import type { Side } from '../model/event.ts';
import { bodyBytes, type Chunk, type Content, type Exchange } from '../model/exchange.ts';
import { checkRules } from './check-rules.ts';
import type { HookContext, ReplayHooks } from './hook.ts';
import { patchBody, spreadEnds } from './patch-body.ts';
import { type CompiledRule, compileRules, inSample, rewriteHead, rewriteHeaders } from './rewrite-head.ts';
import type { HookRule, PatchBodyRule } from './rule.ts';
import { type Facts, whereMatches } from './where.ts';

/**
 * Declarative rules as hooks at replay. The whole recorded exchange is known, so every condition can be asked; rules for
 * side `response` rewrite the recorded answer that the live one is compared with.
 *
 * @throws GardenhoseError `invalid-option` when a rule is not valid
 */
export function replayRules(rules: readonly HookRule[]): ReplayHooks {
  const compiled = compileRules(checkRules(rules));
  return {
    onSend(recorded, context) {
      let exchange = recorded;
      for (const rule of compiled) {
        if (!whereMatches(rule.rule.where, factsOf(exchange))) continue;
        const next = applyRule(rule, exchange, context);
        if (next === undefined) {
          context.drop();
          return undefined;
        }
        exchange = next;
      }
      return exchange;
    },
  };
}

/** The exchange after one rule; undefined when the rule drops it. */
function applyRule(compiled: CompiledRule, exchange: Exchange, context: HookContext): Exchange | undefined {
  const { rule, index } = compiled;
  switch (rule.do) {
    case 'drop':
      return undefined;
    case 'sample':
      return inSample(rule.ratio, rule.by === 'lane' ? exchange.lane : String(exchange.id))
        ? exchange
        : undefined;
    case 'mark':
      context.mark(rule.name, rule.value);
      return { ...exchange, marks: [...exchange.marks, { name: rule.name, value: rule.value }] };
    case 'patch-body':
      return patchedExchange(exchange, rule, index, context);
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

function patchedExchange(
  exchange: Exchange,
  rule: PatchBodyRule,
  index: number,
  context: HookContext,
): Exchange {
  const side: Side = rule.side ?? 'request';
  const content = exchange[side];
  if (content !== undefined) {
    const chunks = patchedChunks(content, rule);
    if (chunks !== undefined) return { ...exchange, [side]: { ...content, chunks } };
  }
  context.mark('patch-missed', String(index));
  return exchange;
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
