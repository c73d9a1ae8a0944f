import type { DeepText } from '../json/deep-text.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { Scope } from '../rules/scope.ts';
import { percentDecoded } from '../value/percent-decoded.ts';

const cookieName = /^[!#$%&'*+.^_`|~\w-]+$/;
const keptAttributes = new Map<string, RegExp>([
  [
    'expires',
    /^(?:[A-Za-z]{3,9},? )?(?:\d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4} \d\d:\d\d:\d\d|[A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4})(?: (?:GMT|UTC|[+-]\d{4}))?$|^[0-]?$/,
  ],
  ['max-age', /^-?\d{1,12}$/],
  ['samesite', /^(?:lax|strict|none)$/i],
  ['priority', /^(?:low|medium|high)$/i],
  ['secure', /^$/],
  ['httponly', /^$/],
  ['partitioned', /^$/],
]);

/** Masks the values of `Cookie` and `Set-Cookie`, of one cookie to one token in both. */
export class CookieMasker {
  readonly #scope: Scope;
  readonly #deep: DeepText;

  constructor(scope: Scope, deep: DeepText) {
    this.#scope = scope;
    this.#deep = deep;
  }

  /** A `Cookie` header; undefined when nothing is left of it. What does not split into pairs is masked whole. */
  cookie(value: string): string | undefined {
    const pieces = value.split(';');
    const kept: string[] = [];
    for (const piece of pieces) {
      if (piece.trim() === '') {
        kept.push(piece);
        continue;
      }
      const masked = this.#pair(piece);
      if (masked === malformed) return this.#whole(value);
      if (masked !== undefined) kept.push(masked);
    }
    return kept.length === 0 ? undefined : kept.join(';');
  }

  /** A `Set-Cookie` header: attributes that say nothing of anyone stay, unknown ones go. */
  setCookie(value: string): string | undefined {
    const [first = '', ...attributes] = value.split(';');
    const pair = this.#pair(first);
    if (pair === malformed) return this.#whole(value);
    if (pair === undefined) return undefined;
    let out = pair;
    for (const attribute of attributes) {
      const equals = attribute.indexOf('=');
      const name = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
      const text = equals < 0 ? '' : attribute.slice(equals + 1).trim();
      if (keptAttributes.get(name)?.test(text)) out += `;${attribute}`;
      else if (name === 'domain' || name === 'path') {
        out += `;${attribute.slice(0, equals + 1)}${this.#deep.mask(text, 0)}`;
      } else if (name !== '') this.#scope.count('default/cookie', text);
    }
    return out;
  }

  /** `name=value` with the space around it; undefined when a rule removes it. */
  #pair(piece: string): string | undefined | typeof malformed {
    const equals = piece.indexOf('=');
    const name = piece.slice(0, Math.max(equals, 0)).trim();
    if (!cookieName.test(name)) return malformed;
    const shownName = this.#name(name);
    const before = piece.slice(0, equals).replace(name, () => shownName);
    const raw = piece.slice(equals + 1);
    const text = raw.trim();
    const rule = this.#scope.rules.cookie(name);
    if (rule?.action === 'remove') {
      this.#scope.count(rule.id, text);
      return undefined;
    }
    const masked = this.#value(rule, text);
    return `${before}=${masked === text ? raw : masked}`;
  }

  #name(name: string): string {
    const plain = percentDecoded(name);
    const masked = this.#deep.mask(plain, 0);
    return masked === plain ? name : encodeURIComponent(masked);
  }

  #value(rule: MaskRule | undefined, text: string): string {
    const quoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
    const inside = quoted ? text.slice(1, -1) : text;
    const plain = percentDecoded(inside);
    const masked = rule === undefined ? this.#deep.mask(plain, 0) : this.#deep.maskUnder(rule, plain, 0);
    if (masked === plain) return text;
    const safe = /^[\w!#$&'()*+./:<=>?@[\]^`{|}~-]*$/.test(masked) ? masked : encodeURIComponent(masked);
    return quoted ? `"${safe}"` : safe;
  }

  #whole(value: string): string {
    return this.#deep.maskUnder(this.#scope.rules.default('default/header/credential', 'cookie'), value, 0);
  }
}

const malformed = Symbol('malformed');
