import { credentialSchemes } from '../policy/default-policy.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { FakeKind, FormatKind } from '../policy/policy.ts';
import { canonicalIp, canonicalNumber } from './canonical.ts';
import { fakeValue } from './fake.ts';
import { Formatter } from './format.ts';
import { looksLikeJwt, shapedJwt } from './jwt-shape.ts';
import { isLuhnNumber, numberOfToken } from './token-number.ts';
import { type Tokens, tokenType } from './tokens.ts';

const wholeEmail = /^\s*[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}\s*$/;
const digitKinds: ReadonlySet<string> = new Set<FormatKind>(['digits', 'alnum', 'phone', 'card']);
/** Cookie and header names make types, and names come from clients. */
const mostKinds = 4096;
const schemePattern = /^([A-Za-z][A-Za-z0-9-]{1,30})[ ]+(\S.*)$/s;

/** What stands in place of a value: the only place where masked text is made. */
export class Replacer {
  /** Masks what a JSON Web Token shows of itself, where the policy keeps their shape. */
  visible: ((text: string) => string) | undefined;
  readonly #tokens: Tokens;
  readonly #formatter: Formatter;
  readonly #jwt: 'token' | 'shape';
  readonly #cacheKinds = { look: new Map<string, string>(), number: new Map<string, string>() };

  constructor(tokens: Tokens, jwt: 'token' | 'shape' = 'token') {
    this.#tokens = tokens;
    this.#formatter = new Formatter(tokens);
    this.#jwt = jwt;
  }

  /** See {@link TokenCache.alsoForget}. */
  alsoForget(forget: () => void): () => void {
    return this.#tokens.cache.alsoForget(forget);
  }

  /** One that makes a token of every web token. */
  withoutShapes(): Replacer {
    return new Replacer(this.#tokens);
  }

  /** The masked form of `text`. `remove` and `keep` are the caller's: they need the surroundings. */
  text(rule: MaskRule, text: string): string {
    // There is nothing to hide in no text, and a token is masked already, as is what was redacted.
    if (text === '' || text === '[REDACTED]' || tokenType(text) !== undefined) return text;
    switch (rule.action) {
      case 'token':
        return this.token(rule, text);
      case 'partial':
        return partial(rule, text);
      case 'format':
        return this.#format(rule, text);
      case 'fake':
        return this.#fake(rule.type, rule.fake ?? 'word', text);
      default:
        return rule.replacement;
    }
  }

  token(rule: MaskRule, text: string): string {
    if (rule.typeFixed || rule.bits !== 96) return this.#tokens.token(rule.type, text, rule.bits);
    const { cache } = this.#tokens;
    const kind = this.#cacheKind(rule.type, 'look');
    let masked = cache.get(kind, text);
    if (masked === undefined) {
      masked = rule.type === 'secret' ? this.#secret(text) : this.#byLook(rule.type, text);
      cache.set(kind, text, masked);
    }
    return masked;
  }

  /** A number of the same length for a number in JSON, so that schema and size stay. */
  number(rule: MaskRule, text: string): string {
    if (rule.action === 'redact') return '0';
    const isFormat = rule.action === 'format' && (rule.kind === undefined || digitKinds.has(rule.kind));
    if (isFormat && !/[eE]/.test(text)) {
      if (!rule.injective) return this.#formatter.text(rule.type, rule.kind, text);
      const permuted = this.#formatter.injective(rule.type, rule.kind, text);
      if (permuted !== undefined) return permuted;
    }
    const { cache } = this.#tokens;
    const kind = this.#cacheKind(rule.type, 'number');
    let masked = cache.get(kind, text);
    if (masked === undefined) {
      const token = this.#tokens.make(rule.type, canonicalNumber(text));
      masked = numberOfToken(token, text, rule.type === 'card' && isLuhnNumber(text));
      cache.set(kind, text, masked);
    }
    return masked;
  }

  /**
   * The look of a value can give it another type than was asked for, so what comes of that is remembered apart from the
   * tokens of that type; and so are numbers.
   */
  #cacheKind(type: string, use: 'look' | 'number'): string {
    const kinds = this.#cacheKinds[use];
    let kind = kinds.get(type);
    if (kind === undefined) {
      kind = `${use}/${type}`;
      if (kinds.size >= mostKinds) kinds.clear();
      kinds.set(type, kind);
    }
    return kind;
  }

  #secret(text: string): string {
    const [, scheme = '', value = ''] = text.includes(' ') ? (schemePattern.exec(text) ?? []) : [];
    if (value !== '' && credentialSchemes.has(scheme.toLowerCase())) return `${scheme} ${this.#bare(value)}`;
    return this.#bare(text);
  }

  /** A credential without its scheme. */
  #bare(text: string): string {
    const shaped = this.#jwt === 'shape' && looksLikeJwt(text) ? this.#shaped(text) : undefined;
    if (shaped !== undefined) return shaped;
    return tokenType(text) === undefined ? this.#tokens.make('secret', text) : text;
  }

  #shaped(text: string): string | undefined {
    const { visible } = this;
    if (visible === undefined) return undefined;
    return shapedJwt(text, {
      visible,
      text: (type, claim) => this.#byLook(type, claim),
      number: (type, claim) => numberOfToken(this.#tokens.make(type, canonicalNumber(claim)), claim, false),
    });
  }

  /** An email in a field that is named for users or names is still an email: one value, one token. */
  #byLook(type: string, text: string): string {
    if (type !== 'email') {
      if (text.includes('@') && wholeEmail.test(text)) return this.#tokens.make('email', text);
      if (looksLikeJwt(text)) return this.#bare(text);
      const mayBeIp = type !== 'ip' && (text.includes(':') || /^\d{1,3}\./.test(text));
      if (mayBeIp && canonicalIp(text) !== undefined) return this.#tokens.make('ip', text);
    }
    return this.#tokens.make(type, text);
  }

  #format(rule: MaskRule, text: string): string {
    if (!rule.injective) return this.#formatter.text(rule.type, rule.kind, text);
    const permuted = this.#formatter.injective(rule.type, rule.kind, text);
    return permuted ?? this.#tokens.token(rule.type, text);
  }

  #fake(type: string, kind: FakeKind, text: string): string {
    const canonical =
      kind === 'phone' ? text.replace(/[^0-9]/g, '') : text.trim().normalize('NFC').toLowerCase();
    return fakeValue(kind, this.#tokens.bytes(type, `fake/${kind}`, canonical, 32));
  }
}

function partial(rule: MaskRule, text: string): string {
  const hidden = text.length - rule.first - rule.last;
  if (hidden < rule.minHidden) return rule.replacement;
  const [begin, end] = [text.slice(0, rule.first), text.slice(text.length - rule.last)];
  // Half a character is none.
  if (/[\ud800-\udbff]$/.test(begin) || /^[\udc00-\udfff]/.test(end)) return rule.replacement;
  // Three stars, however much is hidden: the length would tell.
  return `${begin}***${end}`;
}
