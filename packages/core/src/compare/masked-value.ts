import { tokenType } from '../mask/value/tokens.ts';

// Types whose values are made anew on every run: sessions, bearer tokens, CSRF tokens. A session's cookie has any name.
const changingTypes = new Set(['secret', 'session', 'jwt', 'cookie']);
// What `redact` leaves, unless a policy says otherwise.
const redacted = '[REDACTED]';
const tokenText = /(?<![\w-])mk_[a-z][a-z0-9-]{0,31}_[\w-]{11,22}(?![\w-])|\[REDACTED\]/g;
const maxLength = 8_192;

/** Whether a mask token stands in the text. */
export function holdsToken(text: string): boolean {
  return splitMasked(text).types.some((type) => type !== redacted);
}

/** Whether a mask token, or what `redact` leaves, stands in the text. */
export function holdsMasked(text: string): boolean {
  return splitMasked(text).types.length > 0;
}

/**
 * Whether the texts are the same but for their tokens, and tokens of the same types stand in the same places: all that can
 * be said of values that were masked with different keys.
 */
export function sameTokenTypes(recorded: string, replayed: string): boolean {
  const a = splitMasked(recorded);
  const b = splitMasked(replayed);
  return same(a.types, b.types) && same(a.between, b.between);
}

/** What the text is but for the values of its tokens; undefined when it has none. */
export function maskedKind(text: string): string | undefined {
  const { types, between } = splitMasked(text);
  return types.length === 0 ? undefined : JSON.stringify([types, between]);
}

/** Whether an unmasked text has what stands around the tokens of a masked one. */
export function fitsAround(masked: string, plain: string): boolean {
  const { between } = splitMasked(masked);
  const last = between.at(-1) ?? '';
  let at = 0;
  for (const [index, literal] of between.slice(0, -1).entries()) {
    const found = index === 0 ? (plain.startsWith(literal) ? 0 : -1) : plain.indexOf(literal, at);
    if (found === -1) return false;
    at = found + literal.length;
  }
  return plain.length - last.length >= at && plain.endsWith(last);
}

/** The text with the tokens of types that change on every run replaced by their types. */
export function withoutChangingTokens(text: string): string {
  if (text.length > maxLength) return text;
  return text.replace(tokenText, (token) => {
    const type = tokenType(token);
    return type !== undefined && changingTypes.has(type) ? `\u0000${type}\u0000` : token;
  });
}

/** The types of what is masked in a text, in order, and what stands before, between and after them. */
function splitMasked(text: string): {
  readonly types: readonly string[];
  readonly between: readonly string[];
} {
  const types: string[] = [];
  const between: string[] = [];
  let from = 0;
  if (text.length <= maxLength) {
    for (const match of text.matchAll(tokenText)) {
      const type = match[0] === redacted ? redacted : tokenType(match[0]);
      if (type === undefined) continue;
      types.push(type);
      between.push(text.slice(from, match.index));
      from = match.index + match[0].length;
    }
  }
  between.push(text.slice(from));
  return { types, between };
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
