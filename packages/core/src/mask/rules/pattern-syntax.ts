/** The syntax tree of a pattern. Each character of a set is one ASCII byte, or, when it is wide, any other character too. */
export type PatternNode =
  | { readonly kind: 'set'; readonly ascii: Uint8Array; readonly wide: boolean }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly least: number; readonly most: number };

const longestPattern = 1000;
const deepest = 20;
const mostRepeats = 1000;

/**
 * Reads a regular expression as JavaScript writes it, without what cannot be matched in one pass over the text: no
 * references, no looking around, no anchors. A string says what is wrong.
 */
export function parsePattern(source: string): PatternNode | string {
  if (source.length > longestPattern) return `is longer than ${longestPattern} characters`;
  const reader = new PatternReader(source);
  try {
    return reader.whole();
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message;
    throw error;
  }
}

class SyntaxProblem extends Error {}

const digits = setOf((code) => code >= 48 && code <= 57);
const word = setOf((code) => /\w/.test(String.fromCharCode(code)));
const space = setOf((code) => code === 32 || (code >= 9 && code <= 13));
const notNewline = setOf((code) => code !== 10 && code !== 13);
const classes: ReadonlyMap<string, Uint8Array> = new Map([
  ['d', digits],
  ['w', word],
  ['s', space],
]);
const controls: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
]);

function setOf(has: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (has(code) ? 1 : 0));
}

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#characters = [...source];
  }

  whole(): PatternNode {
    const node = this.#choice(0);
    if (this.#at < this.#characters.length) this.#fail('has a ) too many');
    return node;
  }

  #fail(problem: string): never {
    throw new SyntaxProblem(`${problem}, at character ${this.#at + 1}`);
  }

  #peek(): string {
    return this.#characters[this.#at] ?? '';
  }

  #take(text: string): boolean {
    const found = this.#characters.slice(this.#at, this.#at + text.length).join('') === text;
    if (found) this.#at += text.length;
    return found;
  }

  #choice(depth: number): PatternNode {
    if (depth > deepest) this.#fail('has groups nested too deep');
    const nodes = [this.#sequence(depth)];
    while (this.#take('|')) nodes.push(this.#sequence(depth));
    return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: 'choice', nodes };
  }

  #sequence(depth: number): PatternNode {
    const nodes: PatternNode[] = [];
    for (let next = this.#peek(); next !== '' && next !== '|' && next !== ')'; next = this.#peek()) {
      nodes.push(this.#repeated(this.#atom(depth)));
    }
    return { kind: 'sequence', nodes };
  }

  #atom(depth: number): PatternNode {
    const next = this.#peek();
    if (next === '(') return this.#group(depth);
    if (next === '[') return this.#class();
    if ('*+?{'.includes(next))
      this.#fail(`has a ${next} with nothing to repeat; write \\${next} for the character`);
    if (next === '^' || next === '$') {
      this.#fail(`has a ${next}: patterns are looked for anywhere; write \\${next} for the character`);
    }
    this.#at++;
    if (next === '.') return { kind: 'set', ascii: notNewline, wide: true };
    if (next === '\\') return this.#escape();
    return literal(next);
  }

  #group(depth: number): PatternNode {
    this.#at++;
    if (this.#take('?') && !this.#take(':')) this.#fail('has a group that is not (…) or (?:…)');
    const node = this.#choice(depth + 1);
    if (!this.#take(')')) this.#fail('lacks a )');
    return node;
  }

  #repeated(node: PatternNode): PatternNode {
    let least = 0;
    let most = Number.POSITIVE_INFINITY;
    if (this.#take('?')) most = 1;
    else if (this.#take('+')) least = 1;
    else if (this.#take('{')) [least, most] = this.#counts();
    else if (!this.#take('*')) return node;
    if ('?*+{'.includes(this.#peek()) && this.#peek() !== '') {
      this.#fail('repeats what is repeated; the longest find is always taken');
    }
    return { kind: 'repeat', node, least, most };
  }

  #counts(): [least: number, most: number] {
    const rest = this.#characters.slice(this.#at, this.#at + 12).join('');
    const match = /^(\d{1,4})(,?)(\d{0,4})\}/.exec(rest);
    if (match === null) this.#fail('has a { that is no repeat; write \\{ for the character');
    const [whole, from = '', separator, to = ''] = match;
    const least = Number(from);
    const most = separator === '' ? least : to === '' ? Number.POSITIVE_INFINITY : Number(to);
    if (most < least || least > mostRepeats || (most > mostRepeats && Number.isFinite(most))) {
      this.#fail(`repeats out of order or more than ${mostRepeats} times`);
    }
    this.#at += whole.length;
    return [least, most];
  }

  #escape(): PatternNode {
    const next = this.#peek();
    const set = classes.get(next.toLowerCase());
    if (set === undefined) return literal(this.#escaped());
    this.#at++;
    return next === next.toLowerCase() ? { kind: 'set', ascii: set, wide: false } : without(set);
  }

  /** The character that stands behind a backslash. */
  #escaped(): string {
    const next = this.#peek();
    this.#at++;
    const control = controls.get(next);
    if (control !== undefined) return String.fromCharCode(control);
    if (next === 'x' || next === 'u') {
      const length = next === 'x' ? 2 : 4;
      const hex = this.#characters.slice(this.#at, this.#at + length).join('');
      if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length !== length) this.#fail(`has a broken \\${next}`);
      this.#at += length;
      const code = Number.parseInt(hex, 16);
      if (code >= 0xd800 && code <= 0xdfff) this.#fail('has half a character');
      return String.fromCharCode(code);
    }
    if (next === '' || /[A-Za-z0-9]/.test(next)) this.#fail(`has \\${next}, which cannot be used here`);
    return next;
  }

  #class(): PatternNode {
    this.#at++;
    const negated = this.#take('^');
    const ascii = new Uint8Array(128);
    let wide = false;
    for (;;) {
      const next = this.#peek();
      if (next === '') this.#fail('lacks a ]');
      if (this.#take(']')) break;
      const isShorthand = next === '\\' && /[dwsDWS]/.test(this.#characters[this.#at + 1] ?? '');
      if (isShorthand) {
        this.#at++;
        const node = this.#escape();
        if (node.kind !== 'set') continue;
        for (let code = 0; code < 128; code++) if (node.ascii[code] === 1) ascii[code] = 1;
        wide ||= node.wide;
        continue;
      }
      const from = this.#member();
      const isRange = this.#peek() === '-' && (this.#characters[this.#at + 1] ?? ']') !== ']';
      if (isRange) this.#at++;
      const to = isRange ? this.#member() : from;
      if (to < from) this.#fail('has a range out of order');
      ascii.fill(1, from, to + 1);
    }
    return negated ? { ...without(ascii), wide: !wide } : { kind: 'set', ascii, wide };
  }

  #member(): number {
    const next = this.#peek();
    if (next === '') this.#fail('lacks a ]');
    this.#at++;
    const code = (next === '\\' ? this.#escaped() : next).codePointAt(0) ?? 0;
    if (code > 127) this.#fail('has a character in […] that is not ASCII; write (?:ä|ö) for such characters');
    return code;
  }
}

function literal(character: string): PatternNode {
  return { kind: 'bytes', bytes: Buffer.from(character) };
}

function without(set: Uint8Array): PatternNode & { kind: 'set' } {
  return { kind: 'set', ascii: set.map((has) => 1 - has), wide: true };
}
