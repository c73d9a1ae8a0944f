import { canonicalIp } from './canonical.ts';
import { credentialSchemes } from './default-policy.ts';
import type { MaskRule } from './mask-rule.ts';
import type { FormatKind } from './policy.ts';
import { type Tokens, tokenType } from './tokens.ts';

const wholeEmail = /^\s*[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}\s*$/;
const schemePattern = /^([A-Za-z][A-Za-z0-9-]{1,30})[ ]+(\S.*)$/s;

/** What stands in place of a value: the only place where masked text is made. */
export class Replacer {
  readonly #tokens: Tokens;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  /** The masked form of `text`. `remove` and `keep` are the caller's: they need the surroundings. */
  text(rule: MaskRule, text: string): string {
    // There is nothing to hide in no text, and a token is masked already.
    if (text === '' || tokenType(text) !== undefined) return text;
    switch (rule.action) {
      case 'token':
        return this.token(rule, text);
      case 'partial':
        return partial(rule, text);
      case 'format':
        return this.#format(rule.type, rule.kind ?? guessKind(text), text);
      default:
        return rule.replacement;
    }
  }

  token(rule: MaskRule, text: string): string {
    if (rule.type === 'secret' && text.includes(' ')) {
      const credentials = schemePattern.exec(text);
      const [, scheme = '', value = ''] = credentials ?? [];
      if (credentials !== null && credentialSchemes.has(scheme.toLowerCase())) {
        return `${scheme} ${this.#tokens.token('secret', value, rule.bits)}`;
      }
    }
    return this.#tokens.token(this.#type(rule, text), text, rule.bits);
  }

  /** A number of the same length for a number in JSON, so that schema and size stay. */
  number(rule: MaskRule, text: string): string {
    if (rule.action === 'redact') return '0';
    const random = this.#tokens.bytes(rule.type, 'number', text, text.length);
    const keepPoint = !/[eE]/.test(text);
    let out = '';
    for (let i = 0; i < text.length; i++) {
      const char = text[i] ?? '';
      const byte = random[i] ?? 0;
      if ((char === '-' && i === 0) || (char === '.' && keepPoint)) out += char;
      else if ((out === '' || out === '-') && text[i + 1] !== '.' && i + 1 < text.length)
        out += 1 + (byte % 9);
      else out += byte % 10;
    }
    return out;
  }

  /** An email in a field that is named for users or names is still an email: one value, one token. */
  #type(rule: MaskRule, text: string): string {
    if (rule.typeFixed || rule.type === 'secret' || rule.type === 'email') return rule.type;
    if (text.includes('@') && wholeEmail.test(text)) return 'email';
    if (rule.type === 'ip' || !(text.includes(':') || /^\d{1,3}\./.test(text))) return rule.type;
    return canonicalIp(text) === undefined ? rule.type : 'ip';
  }

  #format(type: string, kind: FormatKind, text: string): string {
    const random = this.#tokens.bytes(type, kind, text, Math.max(32, Math.min(text.length, 4096)));
    switch (kind) {
      case 'email':
        return `${this.#tokens.token('email', text)}@masked.invalid`;
      case 'ip':
        return text.includes(':')
          ? `2001:db8::${random.toString('hex', 0, 2)}:${random.toString('hex', 2, 4)}`
          : `10.${random[0]}.${random[1]}.${random[2]}`;
      case 'uuid':
        return maskedUuid(random);
      case 'card':
        return withLuhn(maskedCharacters(text, random));
      default:
        return maskedCharacters(text, random);
    }
  }
}

function partial(rule: MaskRule, text: string): string {
  const hidden = text.length - rule.first - rule.last;
  if (hidden < rule.minHidden) return rule.replacement;
  const masked = `${text.slice(0, rule.first)}***${text.slice(text.length - rule.last)}`;
  // Three stars, however much is hidden: the length would tell.
  return masked;
}

function guessKind(text: string): FormatKind {
  if (text.includes('@')) return 'email';
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) return 'uuid';
  return canonicalIp(text) === undefined ? 'alnum' : 'ip';
}

/** Digits to digits, letters to letters of the same case; what is neither ASCII letter nor digit and not ASCII to `x`. */
function maskedCharacters(text: string, random: Buffer): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const byte = random[i % random.length] ?? 0;
    if (code >= 48 && code <= 57) out += String.fromCharCode(48 + (byte % 10));
    else if (code >= 65 && code <= 90) out += String.fromCharCode(65 + (byte % 26));
    else if (code >= 97 && code <= 122) out += String.fromCharCode(97 + (byte % 26));
    else out += code < 128 ? text[i] : 'x';
  }
  return out;
}

function maskedUuid(random: Buffer): string {
  const hex = random.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The text with its last digit such that the whole passes the Luhn check, as card numbers do. */
function withLuhn(text: string): string {
  const at = text.search(/\d\D*$/);
  if (at < 0) return text;
  let sum = 0;
  let double = true;
  for (let i = at - 1; i >= 0; i--) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) continue;
    sum += double ? (digit < 5 ? digit * 2 : digit * 2 - 9) : digit;
    double = !double;
  }
  return `${text.slice(0, at)}${(10 - (sum % 10)) % 10}${text.slice(at + 1)}`;
}
