// What a terminal would obey or reorder: C0 and C1 controls, and the marks that change the direction of text.
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Text from a capture made safe for a terminal: what it would obey is shown as `\u{…}`. */
export function escapeText(text: string): string {
  return text.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
