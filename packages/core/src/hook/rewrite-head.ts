import { type HeaderList, headerValue, withHeader, withoutHeader } from '../model/headers.ts';
import { type PathRewrite, readPathRewrite, splitTarget } from './path-pattern.ts';
import type { HookRule } from './rule.ts';

/** The part of a request that rules rewrite. */
export interface RequestHead {
  readonly target: string;
  readonly authority?: string | undefined;
  readonly headers: HeaderList;
}

/** A rule with what can be worked out before the first exchange. */
export interface CompiledRule {
  readonly index: number;
  readonly rule: HookRule;
  readonly path?: PathRewrite | undefined;
}

/** Rules that passed `checkRules`, made ready. */
export function compileRules(rules: readonly HookRule[]): CompiledRule[] {
  return rules.map((rule, index) => {
    if (rule.do !== 'rewrite-path') return { index, rule };
    const path = readPathRewrite(rule.from, rule.to);
    return { index, rule, path: typeof path === 'string' ? undefined : path };
  });
}

/** What a rule makes of the head of a request; the same object when it does nothing to it. */
export function rewriteHead<T extends RequestHead>({ rule, path }: CompiledRule, head: T): T {
  switch (rule.do) {
    case 'set-header':
    case 'remove-header':
      return (rule.side ?? 'request') === 'request'
        ? { ...head, headers: rewriteHeaders(rule, head.headers) }
        : head;
    case 'rewrite-host':
      return withHost(head, rule.to);
    case 'rewrite-path': {
      const target = splitTarget(head.target);
      const made = path?.rewrite(target.path);
      return made === undefined ? head : { ...head, target: target.before + made + target.after };
    }
    default:
      return head;
  }
}

/** The headers after a rule that sets or removes one. */
export function rewriteHeaders(rule: HookRule, headers: HeaderList): HeaderList {
  if (rule.do === 'set-header') return withHeader(headers, rule.name, rule.value);
  return rule.do === 'remove-header' ? withoutHeader(headers, rule.name) : headers;
}

function withHost<T extends RequestHead>(head: T, host: string): T {
  const { before, path, after } = splitTarget(head.target);
  return {
    ...head,
    target: before === '' ? head.target : before.slice(0, before.indexOf('://') + 3) + host + path + after,
    authority: head.authority === undefined ? undefined : host,
    headers:
      headerValue(head.headers, 'host') === undefined ? head.headers : withHeader(head.headers, 'host', host),
  };
}

/** Whether a sample of this ratio holds the exchange or lane of this name. The same answer on every run. */
export function inSample(ratio: number, name: string): boolean {
  return hash32(name) < ratio * 2 ** 32;
}

/** FNV-1a over the UTF-16 units, then the finaliser of MurmurHash3, which spreads names that differ in one digit. */
function hash32(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
