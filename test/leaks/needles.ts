import { type Canary, type CanaryKind, stems } from './canary.ts';

/** A spelling that a secret can have, by name. */
interface Needle {
  readonly spelling: string;
  readonly text: string;
}

const hexOf = (byte: number): string => byte.toString(16).padStart(2, '0');
const each = (bytes: Uint8Array, spell: (byte: number) => string): string => [...bytes].map(spell).join('');

/** Base64 of bytes that begin after so many others, without the characters that hold bits of what stands beside them. */
function base64At(bytes: Uint8Array, before: number): string {
  const padded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
  return padded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
}

function rot13(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
  });
}

const alignments = [0, 1, 2] as const;

/**
 * The spellings in which a text could be found again: 31, base64url and hexadecimal letters of both cases counted. What is
 * found whatever the case of letters is searched for in small letters.
 */
export function needlesOf(text: string): {
  readonly exact: readonly Needle[];
  readonly folded: readonly Needle[];
} {
  const bytes = Buffer.from(text);
  const base64 = alignments.map((before) => base64At(bytes, before));
  const exact: Needle[] = [];
  for (const [before, one] of base64.entries()) {
    exact.push({ spelling: `base64 at ${before}`, text: one });
    const url = one.replaceAll('+', '-').replaceAll('/', '_');
    exact.push({ spelling: `base64url at ${before}`, text: url });
    for (const outer of alignments) {
      exact.push({
        spelling: `base64 at ${before} in base64 at ${outer}`,
        text: base64At(Buffer.from(one), outer),
      });
    }
  }
  // Each stands for itself, for its small and for its capital letters.
  const folded = [
    { spelling: 'raw', text },
    { spelling: 'UTF-16LE', text: each(bytes, (byte) => `${String.fromCharCode(byte)}\0`).slice(0, -1) },
    { spelling: 'UTF-16BE', text: each(bytes, (byte) => `\0${String.fromCharCode(byte)}`).slice(1) },
    { spelling: 'hexadecimal', text: each(bytes, hexOf) },
    { spelling: 'percent codes', text: each(bytes, (byte) => `%${hexOf(byte)}`) },
    { spelling: 'percent codes of percent codes', text: each(bytes, (byte) => `%25${hexOf(byte)}`) },
    { spelling: 'escapes of JSON', text: each(bytes, (byte) => `\\u00${hexOf(byte)}`) },
    { spelling: 'references of HTML', text: each(bytes, (byte) => `&#${byte};`) },
    { spelling: 'hexadecimal references of HTML', text: each(bytes, (byte) => `&#x${hexOf(byte)};`) },
    { spelling: 'quoted-printable', text: each(bytes, (byte) => `=${hexOf(byte)}`) },
    { spelling: 'reversed', text: [...text].reverse().join('') },
    { spelling: 'rot13', text: rot13(text) },
  ].map((needle) => ({ ...needle, text: needle.text.toLowerCase() }));
  return { exact, folded };
}

const known = new Map<string, ReturnType<typeof needlesOf>>();

/** The spellings in which `secret` is in `text`, which holds a byte per character. */
export function spellingsIn(text: Haystack, secret: string): string[] {
  let needles = known.get(secret);
  if (needles === undefined) {
    needles = needlesOf(secret);
    known.set(secret, needles);
  }
  const { exact, folded } = needles;
  return [
    ...exact.filter((needle) => text.exact.includes(needle.text)),
    ...folded.filter((needle) => text.folded.includes(needle.text)),
  ].map(({ spelling }) => spelling);
}

/** Text that is searched, with all that its percent codes and escapes stand for. */
export interface Haystack {
  readonly exact: string;
  readonly folded: string;
}

export function haystack(text: string): Haystack {
  const layers = [text];
  // Only what is coded is looked at again.
  let coded = text;
  for (let depth = 0; depth < 3; depth++) {
    const lines = coded.split('\n').filter((line) => /%[0-9a-f]{2}|\\u00[0-9a-f]{2}/i.test(line));
    if (lines.length === 0) break;
    coded = lines
      .join('\n')
      .replace(/%([0-9a-f]{2})|\\u00([0-9a-f]{2})/gi, (_, percent?: string, escaped?: string) =>
        String.fromCharCode(Number.parseInt(percent ?? escaped ?? '', 16)),
      );
    layers.push(coded);
  }
  for (const line of text.split('\n'))
    if (/\\[\\/"]/.test(line)) layers.push(line.replace(/\\([\\/"])/g, '$1'));
  // Base64 over lines is one text.
  for (const [wrapped] of text.matchAll(/(?<![\w+/-])(?:[\w+/-]{40,}(?:(?:\\r)?\\n|\r?\n))+[\w+/-]*/g)) {
    layers.push(wrapped.replace(/(?:\\r)?\\n|\s/g, ''));
  }
  const exact = layers.join('\n');
  return { exact, folded: exact.toLowerCase() };
}

/** What of any canary is in a text, each with where it stands: nothing, where nothing leaked. */
export function leaksIn(text: string | Haystack, where = ''): string[] {
  const hay = typeof text === 'string' ? haystack(text) : text;
  return Object.entries(stems).flatMap(([stem, secret]) =>
    spellingsIn(hay, secret).map((spelling) => `${where}${where === '' ? '' : ': '}${stem}, ${spelling}`),
  );
}

/** Whether one canary is in a text. Of an address, the part that tells whose it is counts as the whole. */
export function holds(hay: Haystack, one: Canary, kind: CanaryKind): boolean {
  if (spellingsIn(hay, one[kind]).length > 0) return true;
  return (kind === 'email' || kind === 'jwt') && spellingsIn(hay, one.word).length > 0;
}
