import type { DeepText, VariableUses } from '../json/deep-text.ts';
import { Edits } from '../json/edits.ts';
import { earlier, joined, type MaskRule } from '../policy/mask-rule.ts';
import type { PathTemplate } from '../policy/selector.ts';
import type { Scope } from '../rules/scope.ts';
import { addressOf } from '../value/canonical.ts';
import { PairUses } from './graphql-variables.ts';

type PairPlace = 'query' | 'form';

/** Browsers take any slashes after these schemes, also none, for the two. */
const authorityPattern = /^(?:(?:https?|wss?|ftp):[\\/]*|(?:[a-z][a-z0-9+.-]{0,30}:)?\/\/)[^/?#]*/i;
const beforeAuthority = /^(?:[A-Za-z][A-Za-z0-9+.-]{0,30}:)?[\\/]*/;
const opaquePattern = /^[A-Za-z][A-Za-z0-9+.-]{1,30}:(?!\/\/|\d)/;
/** A segment that a route is likely to name. */
const routeWord = /^[A-Za-z][A-Za-z_.-]{0,39}$/;
const percentCode = /%[0-9A-Fa-f]{2}/;
/** One GraphQL variable, as parsers of nested pairs name it. */
const oneVariable = /^variables(?:\[([^\]]*)\]?|\.([^.[]*))/;

/** Masks URLs, request targets, query strings and urlencoded forms; what is not masked stays as it was spelled. */
export class UrlMasker {
  readonly #scope: Scope;
  readonly #deep: DeepText;
  readonly #undecodable: MaskRule;

  constructor(scope: Scope, deep: DeepText, undecodable: MaskRule) {
    this.#scope = scope;
    this.#deep = deep;
    this.#undecodable = undecodable;
  }

  /** A request target or a URL. Rules by path are for targets only. */
  mask(url: string, level: number, isTarget: boolean): string {
    const hash = indexOrEnd(url, '#', 0);
    const question = Math.min(indexOrEnd(url, '?', 0), hash);
    // As nearly all targets are: nothing stands before the path.
    const rooted = url.startsWith('/') && (isTarget || !url.startsWith('//'));
    const authority = rooted ? '' : this.#authorityOf(url, isTarget);
    const pathStart = authority.length;
    const opaque = !rooted && authority === '' && opaquePattern.test(url);
    const head = url.slice(0, pathStart);
    const path = url.slice(pathStart, question);
    let out = head === '' ? '' : this.#authority(head, level);
    // mailto:, tel: and the like have no segments.
    if (opaque) out += this.#deep.mask(path, level);
    else out += this.#path(path, level, isTarget);
    if (question < hash) out += `?${this.pairs(url.slice(question + 1, hash), 'query', level)}`;
    if (hash < url.length) out += `#${this.#fragment(url.slice(hash + 1), level)}`;
    return out === url ? url : out;
  }

  /** The path or the route of an operation, which may hold segments of the path that was asked for. */
  operation(text: string): string {
    if (!text.startsWith('/')) return this.#deep.mask(text, 0);
    const masked = this.mask(text, 0, true).split('/');
    // Names of parameters stand for any value.
    return text
      .split('/')
      .map((segment, i) => (/^[:*{]/.test(segment) ? segment : masked[i]))
      .join('/');
  }

  /** Pairs with `&` between, as in queries and forms. */
  pairs(text: string, place: PairPlace, level: number): string {
    const uses = new PairUses(text, this.#scope);
    let kept: string[] | undefined;
    for (let start = 0; start <= text.length; ) {
      const end = indexOrEnd(text, '&', start);
      const pair = text.slice(start, end);
      const masked = pair === '' ? '' : this.#pair(pair, place, level, uses);
      if (masked !== pair) kept ??= start === 0 ? [] : text.slice(0, start - 1).split('&');
      if (kept !== undefined && masked !== undefined) kept.push(masked);
      start = end + 1;
    }
    return kept === undefined ? text : kept.join('&');
  }

  /** What is to be replaced in pairs with `&` between. */
  pairEdits(text: string, place: PairPlace, level: number): Edits {
    const edits = new Edits();
    const uses = new PairUses(text, this.#scope);
    let start = 0;
    while (start <= text.length) {
      const end = indexOrEnd(text, '&', start);
      const pair = text.slice(start, end);
      if (pair !== '') {
        const masked = this.#pair(pair, place, level, uses);
        if (masked === undefined) edits.add(start > 0 ? start - 1 : 0, start > 0 ? end : end + 1, '');
        else if (masked !== pair) edits.add(start, end, masked);
      }
      start = end + 1;
    }
    return edits;
  }

  #authorityOf(url: string, isTarget: boolean): string {
    const authority = authorityPattern.exec(url)?.[0] ?? '';
    // `CONNECT user:password@host:443`
    return authority === '' && isTarget ? (/^[^/?#]*@[^/?#]*/.exec(url)?.[0] ?? '') : authority;
  }

  /** The host is looked at as the header `Host` is: an address in it is a server's. */
  #authority(head: string, level: number): string {
    const at = head.lastIndexOf('@');
    const slashes = authorityPattern.test(head) ? (beforeAuthority.exec(head)?.[0].length ?? 0) : 0;
    const hostStart = at < 0 ? slashes : at + 1;
    const host = head.slice(hostStart);
    const shownHost = addressOf(host) === undefined ? this.#deep.mask(host, level) : host;
    if (at < 0) return shownHost === host ? head : head.slice(0, slashes) + shownHost;
    const rule = this.#scope.rules.default('default/detect/url-userinfo', 'secret');
    const userinfo = this.#deep.maskUnder(rule, head.slice(slashes, at), level);
    return `${head.slice(0, slashes)}${userinfo}@${shownHost}`;
  }

  #path(path: string, level: number, isTarget: boolean): string {
    if (path === '' || path === '/') return path;
    const offset = path.startsWith('/') ? 1 : 0;
    const ruled = isTarget && this.#scope.rules.paths.length > 0;
    const rules = ruled ? this.#segmentRules(path.slice(offset).split('/')) : undefined;
    let out = '';
    let from = 0;
    let i = -offset;
    for (let start = 0; start <= path.length; i++) {
      const end = indexOrEnd(path, '/', start);
      const segment = path.slice(start, end);
      const masked = segment === '' ? '' : this.#pathSegment(segment, path, start, rules?.[i], level);
      if (masked !== segment) {
        out += path.slice(from, start) + masked;
        from = end;
      }
      start = end + 1;
    }
    return from === 0 ? path : out + path.slice(from);
  }

  /** A URL in a path, as proxies are asked for one, has an authority there. */
  #pathSegment(
    segment: string,
    path: string,
    start: number,
    rule: MaskRule | undefined,
    level: number,
  ): string {
    const isAuthority =
      segment.includes('@') && rule === undefined && this.#scope.rules.otherwise === undefined;
    return isAuthority && hasUserinfo(segment, path.slice(Math.max(0, start - 40), start))
      ? this.#authority(segment, level)
      : this.#segment(segment, rule, level);
  }

  #segment(segment: string, rule: MaskRule | undefined, level: number): string {
    if (rule !== undefined) return this.#under(rule, segment, false, level) ?? '';
    const { otherwise } = this.#scope.rules;
    if (otherwise !== undefined && !routeWord.test(segment)) {
      return this.#under(otherwise, segment, false, level) ?? '';
    }
    return segment.includes(';') ? this.#matrix(segment, level) : this.#part(segment, false, level);
  }

  /** Rules of the policy for the segments of this path, the first template that fits. */
  #segmentRules(segments: readonly string[]): (MaskRule | undefined)[] | undefined {
    for (const { template, rule } of this.#scope.rules.paths) {
      if (!fits(template, segments)) continue;
      return template.segments.map((segment) => (segment.masked ? rule : undefined));
    }
    return undefined;
  }

  /** `orders;sid=abc` */
  #matrix(segment: string, level: number): string {
    const parts = segment.split(';');
    const uses = new PairUses(segment, this.#scope);
    const masked = parts.map((part, i) =>
      i > 0 && part.includes('=')
        ? (this.#pair(part, 'query', level, uses) ?? '')
        : this.#part(part, false, level),
    );
    return masked.join(';');
  }

  /** Answers of OAuth put tokens there, as a query. */
  #fragment(text: string, level: number): string {
    return text.includes('=') ? this.pairs(text, 'query', level) : this.#bare(text, level);
  }

  /** One `name=value`; undefined when it is to be removed. `;` once stood between pairs as well. */
  #pair(pair: string, place: PairPlace, level: number, uses: PairUses): string | undefined {
    let before = '';
    for (let rest = pair; ; ) {
      const equals = rest.indexOf('=');
      if (equals < 0) return before + this.#bare(rest, level);
      const rawName = rest.slice(0, equals);
      const rawValue = rest.slice(equals + 1);
      const name = decodedName(rawName);
      const shownName = this.#part(rawName, true, level);
      // A name that cannot be read may be that of a secret.
      let rule = name === undefined ? this.#undecodable : this.#scope.rules[place](name);
      if (name?.startsWith('variables')) {
        rule = this.#variableRule(rule, name, uses.all);
        const masked =
          rule === undefined && name === 'variables' ? this.#variables(rawValue, level, uses.all) : undefined;
        if (masked !== undefined) return `${before}${shownName}=${masked}`;
      }
      if (rule !== undefined) {
        const masked = this.#under(rule, rawValue, true, level);
        if (masked === undefined) return before === '' ? undefined : before;
        return `${before}${shownName}=${masked}`;
      }
      const semicolon = rawValue.indexOf(';');
      if (semicolon < 0 || rawValue.indexOf('=', semicolon) < 0) {
        return `${before}${shownName}=${this.#part(rawValue, true, level)}`;
      }
      before += `${shownName}=${this.#part(rawValue.slice(0, semicolon), true, level)};`;
      rest = rawValue.slice(semicolon + 1);
    }
  }

  /** For `variables[name]=value`, and for all of it where the document beside it cannot be read. */
  #variableRule(own: MaskRule | undefined, name: string, uses: VariableUses): MaskRule | undefined {
    if (uses.unclear) return earlier(own, this.#undecodable);
    const found = oneVariable.exec(name);
    return joined(uses.rule(found?.[1] ?? found?.[2] ?? ''), own);
  }

  /** The variables of a GraphQL document that stands beside them; undefined when it says nothing of them. */
  #variables(raw: string, level: number, uses: VariableUses): string | undefined {
    if (uses.isEmpty) return undefined;
    const text = decoded(raw, true);
    if (text === undefined) return this.#deep.maskUnder(this.#undecodable, raw, level);
    const masked = this.#deep.maskVariables(text, level, uses);
    return masked === text ? raw : encodeURIComponent(masked);
  }

  /** A parameter that is only a name, or only a value. */
  #bare(raw: string, level: number): string {
    const { otherwise } = this.#scope.rules;
    return otherwise === undefined
      ? this.#part(raw, true, level)
      : (this.#under(otherwise, raw, true, level) ?? '');
  }

  #under(rule: MaskRule, raw: string, plus: boolean, level: number): string | undefined {
    if (rule.action === 'keep' && !rule.detectors) return raw;
    const text = decoded(raw, plus);
    if (rule.action === 'keep' || (text ?? raw).length < rule.minLength) return this.#part(raw, plus, level);
    if (rule.action === 'remove') {
      this.#scope.count(rule.id, text ?? raw);
      return undefined;
    }
    const masked = this.#deep.maskUnder(rule, text ?? raw, level);
    return masked === (text ?? raw) ? raw : encodeURIComponent(masked);
  }

  /** A piece by its look. Encoded twice or three times, it is still looked at. */
  #part(raw: string, plus: boolean, level: number): string {
    if (this.#scope.rules.isPlain(raw)) return raw;
    const encoded = raw.includes('%') || (plus && raw.includes('+'));
    if (!encoded) {
      const masked = this.#deep.mask(raw, level);
      if (masked === raw) this.#scope.rules.addPlain(raw);
      return masked === raw ? raw : masked.replace(/[\s%#&+]/g, encodeURIComponent);
    }
    const text = decoded(raw, plus);
    if (text === undefined) return this.#deep.maskUnder(this.#undecodable, raw, level);
    const again = level < 3 && percentCode.test(text) && decoded(text, false) !== undefined;
    const masked = again ? this.#part(text, false, level + 1) : this.#deep.mask(text, level);
    return masked === text ? raw : encodeURIComponent(masked);
  }
}

/** Some servers make one slash of two. Where no scheme stands before it, only a name and a password are taken for such. */
function hasUserinfo(segment: string, before: string): boolean {
  const userinfo = segment.slice(0, segment.lastIndexOf('@'));
  if (userinfo === '') return false;
  return (
    /[A-Za-z][A-Za-z0-9+.-]{0,30}:\/{1,2}$/.test(before) || (before.endsWith('//') && userinfo.includes(':'))
  );
}

function fits(template: PathTemplate, segments: readonly string[]): boolean {
  const wanted = template.segments.length;
  // As routers do by default: a slash at the end and the case of letters make no other path.
  const found = segments.at(-1) === '' ? segments.length - 1 : segments.length;
  if (template.open ? found < wanted : found !== wanted) return false;
  return template.segments.every(
    ({ text }, i) =>
      text === undefined || text.toLowerCase() === decoded(segments[i] ?? '', false)?.toLowerCase(),
  );
}

/** Undefined when a percent sign stands for nothing, or for bytes that are no UTF-8. */
function decoded(raw: string, plus: boolean): string | undefined {
  const spaced = plus && raw.includes('+') ? raw.replaceAll('+', ' ') : raw;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined;
  }
}

/** A name encoded more than once is still that name. */
function decodedName(raw: string): string | undefined {
  let name = decoded(raw, true);
  for (let i = 0; i < 3 && name?.includes('%') && percentCode.test(name); i++) name = decoded(name, false);
  return name;
}

function indexOrEnd(text: string, char: string, from: number): number {
  const at = text.indexOf(char, from);
  return at < 0 ? text.length : at;
}
