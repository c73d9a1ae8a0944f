import {
  type Exchange,
  GardenhoseError,
  grpcStatusOf,
  headerValues,
  matchesGlob,
  operationOf,
  splitTarget,
} from '@gardenhose/core';

/** Whether an exchange is one of those that were asked for. */
export type Predicate = (exchange: Exchange) => boolean;

// A filter is typed by hand: these only keep a pasted file from being parsed.
const maxLength = 4096;
const maxDepth = 50;

/** Fields that hold text: all values that an exchange has under the name. */
const textFields: Readonly<Record<string, (exchange: Exchange) => readonly (string | undefined)[]>> = {
  direction: (exchange) => [exchange.direction],
  protocol: (exchange) => [exchange.protocol],
  lane: (exchange) => [exchange.lane],
  operation: (exchange) => [operationOf(exchange), exchange.operation, ...markValues(exchange, 'operation')],
  peer: (exchange) => [exchange.peer],
  method: (exchange) => [exchange.request.method],
  target: (exchange) => [exchange.request.target],
  path: (exchange) => [splitTarget(exchange.request.target).path],
  abort: (exchange) => [exchange.abort?.code],
  partial: (exchange) => exchange.partial,
};

/** Fields that hold a number. */
const numberFields: Readonly<Record<string, (exchange: Exchange) => number | undefined>> = {
  id: (exchange) => exchange.id,
  parent: (exchange) => exchange.parent,
  status: (exchange) => exchange.response?.status,
  'grpc-status': grpcStatusOf,
  at: (exchange) => exchange.startAt / 1e6,
  duration: (exchange) => (exchange.endAt - exchange.startAt) / 1e6,
  'request-bytes': (exchange) => exchange.request.size,
  'response-bytes': (exchange) => exchange.response?.size,
};

/** Fields whose second half names a header or a mark. */
const namedFields: Readonly<Record<string, (exchange: Exchange, name: string) => readonly string[]>> = {
  header: (exchange, name) => headerValues(exchange.request.headers, name),
  'response-header': (exchange, name) => headerValues(exchange.response?.headers ?? [], name),
  mark: markValues,
};

/** Every field that a filter can name, for the help and the docs. */
export const whereFields: readonly string[] = [
  ...Object.keys(textFields),
  ...Object.keys(numberFields),
  ...Object.keys(namedFields).map((field) => `${field}.NAME`),
];

function markValues(exchange: Exchange, name: string): string[] {
  return exchange.marks.filter((mark) => mark.name === name).map((mark) => mark.value);
}

/**
 * Compiles a filter such as `status >= 500 and path = /orders/** and not header.x-test`.
 *
 * `=` and `!=` compare whole values (`*` stands for any run without `/`, `**` for any run), `~` and `!~` look for a
 * part, `<` `<=` `>` `>=` compare numbers; times are milliseconds unless they carry `us`, `ms` or `s`. A field alone
 * asks whether the exchange has it. `and`, `or`, `not` and parentheses combine.
 *
 * @throws GardenhoseError `invalid-option` that says what was found and what was expected
 */
export function compileWhere(expression: string): Predicate {
  if (expression.length > maxLength) {
    throw wrong(`is ${expression.length} characters long, expected at most ${maxLength}`);
  }
  const parser = new Parser(tokenize(expression));
  const predicate = parser.either(0);
  parser.expectEnd();
  return predicate;
}

interface Token {
  readonly text: string;
  /** Quoted words are never operators. */
  readonly quoted: boolean;
}

function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|"([^"]*)"|'([^']*)'|[()]|<=|>=|!=|!~|[<>=~!]|[^\s()<>=!~"']+/y;
  while (pattern.lastIndex < expression.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(expression);
    if (match === null) throw wrong(`has a quote at character ${at + 1} that is never closed`);
    const quoted = match[1] ?? match[2];
    if (quoted !== undefined) tokens.push({ text: quoted, quoted: true });
    else if (match[0].trim() !== '') tokens.push({ text: match[0], quoted: false });
  }
  return tokens;
}

const operators = ['=', '!=', '~', '!~', '<', '<=', '>', '>='];

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  either(depth: number): Predicate {
    let left = this.#both(depth);
    while (this.#accept('or')) left = anyOf(left, this.#both(depth));
    return left;
  }

  expectEnd(): void {
    const token = this.#tokens[this.#at];
    if (token !== undefined) throw wrong(`has "${token.text}" where "and", "or" or the end was expected`);
  }

  #both(depth: number): Predicate {
    let left = this.#one(depth);
    while (this.#accept('and')) left = allOf(left, this.#one(depth));
    return left;
  }

  #one(depth: number): Predicate {
    if (depth > maxDepth) throw wrong(`nests deeper than ${maxDepth} levels`);
    if (this.#accept('not') || this.#accept('!')) {
      const inner = this.#one(depth + 1);
      return (exchange) => !inner(exchange);
    }
    if (this.#accept('(')) {
      const inner = this.either(depth + 1);
      if (!this.#accept(')')) throw wrong('has a parenthesis that is never closed');
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Predicate {
    const field = this.#word('a field');
    const token = this.#tokens[this.#at];
    const operator = token !== undefined && !token.quoted && operators.includes(token.text) ? token.text : '';
    if (operator === '') return compare(field, '', '');
    this.#at++;
    return compare(field, operator, this.#word(`a value after "${operator}"`));
  }

  #word(expected: string): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw wrong(`ends where ${expected} was expected`);
    if (!token.quoted && (operators.includes(token.text) || '()!'.includes(token.text))) {
      throw wrong(`has "${token.text}" where ${expected} was expected`);
    }
    this.#at++;
    return token.text;
  }

  #accept(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.quoted || token.text !== word) return false;
    this.#at++;
    return true;
  }
}

const anyOf =
  (left: Predicate, right: Predicate): Predicate =>
  (exchange) =>
    left(exchange) || right(exchange);
const allOf =
  (left: Predicate, right: Predicate): Predicate =>
  (exchange) =>
    left(exchange) && right(exchange);

function compare(field: string, operator: string, value: string): Predicate {
  const read = Object.hasOwn(numberFields, field) ? numberFields[field] : undefined;
  if (read !== undefined) return compareNumber(field, read, operator, value);
  const values = readerOf(field);
  if (operator === '') return (exchange) => values(exchange).some((found) => found !== undefined);
  const holds = textTest(field, operator.replace('!', ''), value);
  const some: Predicate = (exchange) => values(exchange).some((found) => found !== undefined && holds(found));
  return operator.startsWith('!') ? (exchange) => !some(exchange) : some;
}

function readerOf(field: string): (exchange: Exchange) => readonly (string | undefined)[] {
  const text = Object.hasOwn(textFields, field) ? textFields[field] : undefined;
  if (text !== undefined) return text;
  const dot = field.indexOf('.');
  const family = field.slice(0, Math.max(0, dot));
  const named = Object.hasOwn(namedFields, family) ? namedFields[family] : undefined;
  const name = field.slice(dot + 1);
  if (named === undefined || name === '') {
    throw wrong(`names the field "${field}", expected one of ${whereFields.join(', ')}`);
  }
  return (exchange) => named(exchange, name);
}

function textTest(field: string, operator: string, value: string): (found: string) => boolean {
  if (operator === '~') return (found) => found.toLowerCase().includes(value.toLowerCase());
  if (operator === '=') return (found) => matchesGlob(value, found);
  throw wrong(`compares the text "${field}" with "${operator}", expected one of = != ~ !~`);
}

function compareNumber(
  field: string,
  read: (exchange: Exchange) => number | undefined,
  operator: string,
  value: string,
): Predicate {
  if (operator === '') return (exchange) => read(exchange) !== undefined;
  const [low, high] = rangeOf(field, value);
  const test = numberTest(operator, low, high);
  if (test === undefined) {
    throw wrong(`compares the number "${field}" with "${operator}", expected one of = != < <= > >=`);
  }
  return (exchange) => {
    const found = read(exchange);
    return found !== undefined && test(found);
  };
}

function numberTest(operator: string, low: number, high: number): ((found: number) => boolean) | undefined {
  switch (operator) {
    case '=':
      return (found) => found >= low && found <= high;
    case '!=':
      return (found) => found < low || found > high;
    case '<':
      return (found) => found < low;
    case '<=':
      return (found) => found <= high;
    case '>':
      return (found) => found > high;
    case '>=':
      return (found) => found >= low;
    default:
      return undefined;
  }
}

const perMs: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3 };

/** The numbers that a value stands for: itself, a class of statuses (`5xx`), or a time in milliseconds. */
function rangeOf(field: string, value: string): [low: number, high: number] {
  const statuses = field === 'status' ? /^([1-5])xx$/i.exec(value) : null;
  if (statuses !== null) return [Number(statuses[1]) * 100, Number(statuses[1]) * 100 + 99];
  const timed = field === 'at' || field === 'duration';
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)?$/.exec(value);
  if (match === null || (match[2] !== undefined && !timed)) {
    const expected = timed
      ? 'a time such as 250ms'
      : field === 'status'
        ? 'a status such as 404 or 5xx'
        : 'a number';
    throw wrong(`compares "${field}" with "${value}", expected ${expected}`);
  }
  const number = Number(match[1]) * (perMs[match[2] ?? 'ms'] ?? 1);
  return [number, number];
}

function wrong(what: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `--where ${what}`, { subject: '--where' });
}
