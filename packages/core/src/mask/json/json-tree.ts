/** A JSON text with its names in order and repeats kept, which `JSON.parse` does not give. */
export type JsonTree =
  | {
      readonly kind: 'object';
      readonly members: readonly (readonly [name: string, value: JsonTree])[];
      readonly text: string;
    }
  | { readonly kind: 'array'; readonly items: readonly JsonTree[]; readonly text: string }
  /** Of a string, its content; of all else, as it stands. */
  | { readonly kind: 'string' | 'scalar'; readonly text: string };

/** What lies deeper is one scalar. */
const deepest = 256;
const scalarPattern = /[^\s,\]}]+/y;
const spacePattern = /[ \t\r\n]*/y;

/** The tree of a text that is JSON; undefined of any other. */
export function jsonTree(text: string): JsonTree | undefined {
  // After a byte order mark, or the separator of a sequence of JSON texts (RFC 7464).
  const clean = text.startsWith('\ufeff') || text.startsWith('\u001e') ? text.slice(1) : text;
  if (!/^\s*[[{"]/.test(clean)) return undefined;
  try {
    JSON.parse(clean);
  } catch {
    return undefined;
  }
  return new TreeReader(clean).value(0);
}

/** Reads what `JSON.parse` has accepted before. */
class TreeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonTree {
    this.#space();
    const char = this.#text[this.#at];
    if (char === '"') return { kind: 'string', text: this.#string() };
    if (char === '{' || char === '[') {
      if (depth >= deepest) return this.#skipped();
      return char === '{' ? this.#object(depth) : this.#array(depth);
    }
    scalarPattern.lastIndex = this.#at;
    const text = scalarPattern.exec(this.#text)?.[0] ?? '';
    this.#at += text.length;
    return { kind: 'scalar', text };
  }

  #object(depth: number): JsonTree {
    const start = this.#at++;
    const members: (readonly [string, JsonTree])[] = [];
    while (!this.#closes('}')) {
      const name = this.#string();
      this.#space();
      this.#at++;
      members.push([name, this.value(depth + 1)]);
      this.#comma();
    }
    return { kind: 'object', members, text: this.#text.slice(start, this.#at) };
  }

  #array(depth: number): JsonTree {
    const start = this.#at++;
    const items: JsonTree[] = [];
    while (!this.#closes(']')) {
      items.push(this.value(depth + 1));
      this.#comma();
    }
    return { kind: 'array', items, text: this.#text.slice(start, this.#at) };
  }

  #closes(bracket: string): boolean {
    this.#space();
    // The end of the text is that of every container: nothing may go on for ever.
    if (this.#at < this.#text.length && this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  #comma(): void {
    this.#space();
    if (this.#text[this.#at] === ',') this.#at++;
  }

  #string(): string {
    this.#space();
    const start = this.#at++;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#at++;
    const inside: unknown = JSON.parse(this.#text.slice(start, this.#at));
    return typeof inside === 'string' ? inside : '';
  }

  /** A container that is too deep to be looked into. */
  #skipped(): JsonTree {
    const start = this.#at;
    let open = 0;
    do {
      const char = this.#text[this.#at];
      if (char === '"') this.#string();
      else {
        if (char === '{' || char === '[') open++;
        if (char === '}' || char === ']') open--;
        this.#at++;
      }
    } while (open > 0 && this.#at < this.#text.length);
    return { kind: 'scalar', text: this.#text.slice(start, this.#at) };
  }

  #space(): void {
    spacePattern.lastIndex = this.#at;
    this.#at += spacePattern.exec(this.#text)?.[0].length ?? 0;
  }
}
