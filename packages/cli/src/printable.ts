// What a terminal would act on instead of showing: C0 and C1 controls, bidirectional overrides, invisible and
// separating characters, and halves of surrogate pairs.
const unsafe =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeOf(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return named[character] ?? (point < 256 ? `\\x${hex(point, 2)}` : `\\u{${hex(point, 4)}}`);
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/**
 * A recorded string as one line that is safe to show on a terminal: control, bidirectional and invisible characters as
 * escapes. With `maxLength` the rest is cut off and its length told.
 */
export function printable(text: string, maxLength: number = Number.POSITIVE_INFINITY): string {
  if (text.length <= maxLength) return text.replace(unsafe, escapeOf);
  return `${text.slice(0, maxLength).replace(unsafe, escapeOf)}… (${text.length} characters)`;
}

/** Serialised JSON that is safe to show: what {@link printable} escapes, as JSON does. Says the same; line ends stay. */
export function printableJson(json: string): string {
  return json.replace(unsafe, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join(''),
  );
}

/** Text of several lines, safe to show: line ends stay, all else is escaped as by {@link printable}. */
export function printableLines(text: string): string {
  return text.replace(unsafe, (character) => (character === '\n' ? character : escapeOf(character)));
}
