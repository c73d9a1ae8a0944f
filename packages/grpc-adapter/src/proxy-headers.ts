import type { OutgoingHttpHeaders } from 'node:http2';

/**
 * A header block as Node takes it: an object, in which a name has one place. Where other names stand between two fields of one
 * name, the later one gets capitals, of which Node makes small letters again: so the order stays.
 *
 * @param raw - Names and values in turns, as on the wire
 */
export function nodeHeaders(raw: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  const turns = new Map<string, number>();
  let before = '';
  let key = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (name !== before) {
      const turn = turns.get(name) ?? 0;
      turns.set(name, turn + 1);
      key = turn === 0 ? name : respelled(name, turn);
      before = name;
    }
    const there = headers[key];
    if (Array.isArray(there)) there.push(value);
    else headers[key] = there === undefined ? value : [there, value];
  }
  return headers;
}

/** The n-th spelling of a name; the name itself where it has too few letters for that. The first letter is always a capital. */
function respelled(name: string, turn: number): string {
  if (!/^[a-z]/.test(name)) return name;
  let rest = turn - 1;
  const spelled = name.replace(/[a-z]/g, (letter, at: number) => {
    if (at === 0) return letter.toUpperCase();
    const capital = rest % 2 === 1;
    rest = Math.floor(rest / 2);
    return capital ? letter.toUpperCase() : letter;
  });
  return rest === 0 ? spelled : name;
}
