/** What a token of a GraphQL document is. Comments and what else means nothing are told apart, since comments go. */
export type TokenKind = 'space' | 'comment' | 'name' | 'number' | 'string' | 'block' | 'mark';

const mostTokens = 50_000;
const space = /[\s,\ufeff]+/y;
const name = /[A-Za-z_]\w*/y;
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const comment = /#[^\n\r]*/y;
const marks = '!$&()[]{}:=@|';

/**
 * Reads a text token by token, as the GraphQL specification says (October 2021, section 2.1), but for the digits of
 * numbers, which are taken in more ways.
 */
export class GraphqlLexer {
  kind: TokenKind = 'space';
  start = 0;
  end = 0;
  /** The text cannot be read on from here. */
  broken = false;
  readonly #text: string;
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** There are more tokens than any document has: a server would not read on either. */
  get isTooLong(): boolean {
    return this.#count > mostTokens;
  }

  /** Goes to the next token; false at the end of what can be read. */
  next(): boolean {
    this.start = this.end;
    if (this.start >= this.#text.length) return false;
    if (++this.#count > mostTokens) {
      this.broken = true;
      return false;
    }
    this.broken = !this.#read(this.#text.charAt(this.start));
    return !this.broken;
  }

  /** Goes to the next token that means something. */
  nextMeant(): boolean {
    while (this.next()) if (this.kind !== 'space' && this.kind !== 'comment') return true;
    return false;
  }

  get text(): string {
    return this.#text.slice(this.start, this.end);
  }

  is(mark: string): boolean {
    return this.kind === 'mark' && this.#text.startsWith(mark, this.start);
  }

  isName(name: string): boolean {
    return this.kind === 'name' && this.text === name;
  }

  /** Whether the next token that means something is a colon. */
  get isNamed(): boolean {
    const after = this.#text.charAt(this.end);
    if (after === ':') return true;
    if (marks.includes(after)) return false;
    const ahead = new GraphqlLexer(this.#text);
    ahead.end = this.end;
    return ahead.nextMeant() && ahead.is(':');
  }

  /** Whether what follows this bracket is an argument, a variable, or a text that is meant to be one. */
  get isArguments(): boolean {
    const ahead = new GraphqlLexer(this.#text);
    ahead.end = this.end;
    if (!ahead.nextMeant()) return ahead.broken;
    return ahead.is('$') || ahead.kind === 'string' || ahead.kind === 'block' || ahead.isNamed;
  }

  /** What a string or block string stands for; as it is written where it has odd escapes. */
  get value(): string {
    if (this.kind === 'block') return this.text.slice(3, -3).replaceAll('\\"""', '"""').trim();
    const inside = this.text.slice(1, -1);
    if (!inside.includes('\\')) return inside;
    try {
      // Escapes are those of JSON, and one for any code point.
      const asJson = inside.replace(/\\u\{([0-9A-Fa-f]{1,6})\}/g, codePoint).replaceAll('\t', '\\t');
      const value: unknown = JSON.parse(`"${asJson}"`);
      return typeof value === 'string' ? value : inside;
    } catch {
      return inside;
    }
  }

  #read(char: string): boolean {
    if (marks.includes(char)) return this.#take('mark', this.start + 1);
    switch (char) {
      case '"':
        return this.#string();
      case '.':
        return this.#text.startsWith('...', this.start) && this.#take('mark', this.start + 3);
      case '#':
        return this.#matches('comment', comment);
      default:
        // Where a text begins or ends in a name, some quote is missing, and what is text cannot be told.
        if (isNameStart(char)) return this.#matches('name', name) && this.#text[this.end] !== '"';
        return this.#matches('space', space) || this.#matches('number', number);
    }
  }

  #take(kind: TokenKind, end: number): boolean {
    this.kind = kind;
    this.end = end;
    return true;
  }

  #matches(kind: TokenKind, pattern: RegExp): boolean {
    pattern.lastIndex = this.start;
    return pattern.test(this.#text) && this.#take(kind, pattern.lastIndex);
  }

  #string(): boolean {
    const text = this.#text;
    if (text.startsWith('"""', this.start)) {
      let end = text.indexOf('"""', this.start + 3);
      while (end > 0 && text[end - 1] === '\\') end = text.indexOf('"""', end + 3);
      return end > 0 && this.#take('block', end + 3);
    }
    for (let end = this.start + 1; end < text.length; end++) {
      const char = text[end];
      if (char === '"') return !isNameStart(text.charAt(end + 1)) && this.#take('string', end + 1);
      if (char === '\n' || char === '\r') return false;
      if (char === '\\') end++;
    }
    return false;
  }
}

function isNameStart(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_';
}

function codePoint(_: string, hex: string): string {
  return JSON.stringify(String.fromCodePoint(Number.parseInt(hex, 16))).slice(1, -1);
}
