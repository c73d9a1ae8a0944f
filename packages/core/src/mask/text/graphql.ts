import { accepting, earlier, type MaskRule, numberBit, objectBit, stringBit } from '../policy/mask-rule.ts';
import { GraphqlLexer } from './graphql-lexer.ts';

/** What literals and names of a document become. */
export interface GraphqlMasks {
  /** The rule for an argument, a variable or a field of an input object. */
  rule(name: string): MaskRule | undefined;
  /** The text that stands for a string, or undefined when it goes. */
  string(rule: MaskRule | undefined, text: string): string | undefined;
  /** The same for a number, which stays one. `name` is that of its argument, empty where it has none. */
  number(rule: MaskRule | undefined, name: string, text: string): string | undefined;
  /** A name that is long enough to be something else. */
  name(text: string): string;
  /** A variable was met: the rule for it where it is used, or that for its name where it is declared. */
  variable?(name: string, rule: MaskRule | undefined): void;
}

/** The masked document, or why there is none. */
export type MaskedGraphql =
  | { readonly text: string }
  /** Not a document. */
  | 'other'
  /** A document, or meant for one, that cannot be read to its end. */
  | 'broken';

const definitions = new Set(
  'query mutation subscription fragment schema scalar type interface union enum input directive extend'.split(
    ' ',
  ),
);
const operations = new Set(['query', 'mutation', 'subscription']);
const shortestName = 15;

/**
 * A document with its literals masked and its comments taken out; all else stays as it is.
 *
 * @param isSure - that the text is a document, and not any text
 */
export function maskGraphql(text: string, masks: GraphqlMasks, isSure: boolean): MaskedGraphql {
  if (!isSure) {
    const found = recognise(text);
    if (found !== 'document') return found;
  }
  return new DocumentMasker(text, masks).run();
}

/**
 * Tells of each variable of a text: the rule for the argument or field it is the value of.
 *
 * @returns false when the text is meant for a document and cannot be read to its end
 */
export function readVariables(
  text: string,
  rule: GraphqlMasks['rule'],
  variable: NonNullable<GraphqlMasks['variable']>,
): boolean {
  const masks: GraphqlMasks = {
    rule,
    variable,
    string: (_, inside) => inside,
    number: (_, __, digits) => digits,
    name: (name) => name,
  };
  return new DocumentMasker(text, masks).run() !== 'broken' || recognise(text) === 'other';
}

/**
 * Tells documents from other texts. A text that has arguments as a document has them is taken for one whatever else is
 * in it: who fools the reading must not keep the literals.
 */
function recognise(text: string): 'document' | 'other' | 'broken' {
  if (!startsAsDocument(text)) return 'other';
  const lexer = new GraphqlLexer(text);
  let depth = 0;
  let brackets = 0;
  let hasArguments = false;
  let isOther = false;
  let inHeader = false;
  while (!hasArguments && lexer.nextMeant()) {
    if (lexer.is('{')) {
      depth++;
      inHeader = false;
    } else if (lexer.is('}')) depth--;
    else if (lexer.is('(')) {
      brackets++;
      hasArguments = (depth > 0 || inHeader) && lexer.isArguments;
    } else if (lexer.is(')')) brackets--;
    else if (depth <= 0 && !inHeader) {
      // Descriptions may stand before definitions.
      isOther ||= lexer.kind === 'name' ? !definitions.has(lexer.text) : !isString(lexer);
      inHeader = lexer.kind === 'name';
    } else if (brackets === 0 && depth > 0) isOther ||= isString(lexer) || lexer.kind === 'number';
  }
  while (hasArguments && lexer.next());
  if (lexer.isTooLong) return 'broken';
  if (!hasArguments && (isOther || lexer.broken)) return 'other';
  return lexer.broken ? 'broken' : 'document';
}

function startsAsDocument(text: string): boolean {
  const lexer = new GraphqlLexer(text);
  let more = lexer.nextMeant();
  while (more && isString(lexer)) more = lexer.nextMeant();
  if (!more) return false;
  if (lexer.is('{')) return lexer.nextMeant() && (lexer.kind === 'name' || lexer.is('...'));
  if (lexer.kind !== 'name') return false;
  if (lexer.isName('fragment')) {
    return lexer.nextMeant() && lexer.kind === 'name' && lexer.nextMeant() && lexer.isName('on');
  }
  if (!operations.has(lexer.text) || !lexer.nextMeant()) return false;
  if (lexer.kind === 'name' && !lexer.nextMeant()) return false;
  return lexer.is('{') || lexer.is('(') || lexer.is('@');
}

function isString({ kind }: GraphqlLexer): boolean {
  return kind === 'string' || kind === 'block';
}

/** What is open around a value. */
interface Frame {
  /** The rule of the container, for all in it. */
  readonly around: MaskRule | undefined;
  readonly isValue: boolean;
  /** The argument or field at hand, and its rule. */
  name: string;
  rule: MaskRule | undefined;
}

class DocumentMasker {
  readonly #lexer: GraphqlLexer;
  readonly #masks: GraphqlMasks;
  readonly #frames: Frame[] = [];
  #frame: Frame = { around: undefined, isValue: false, name: '', rule: undefined };
  #out = '';
  /** A name that follows is that of a variable. */
  #isVariable = false;

  constructor(text: string, masks: GraphqlMasks) {
    this.#lexer = new GraphqlLexer(text);
    this.#masks = masks;
  }

  run(): MaskedGraphql {
    const lexer = this.#lexer;
    while (lexer.next()) {
      this.#out += this.#token(lexer.text);
    }
    return lexer.broken ? 'broken' : { text: this.#out };
  }

  #token(text: string): string {
    switch (this.#lexer.kind) {
      case 'comment':
        return '';
      case 'name':
        return this.#name(text);
      case 'string':
      case 'block':
        return this.#string(text);
      case 'number': {
        const { name, rule } = this.#frame;
        return this.#masks.number(accepting(rule, numberBit), name, text) ?? 'null';
      }
      case 'mark':
        this.#mark(text);
        return text;
      default:
        return text;
    }
  }

  #name(text: string): string {
    const frame = this.#frame;
    if (frame.isValue && this.#lexer.isNamed) {
      frame.name = text;
      frame.rule = earlier(this.#masks.rule(text), frame.around);
    }
    if (this.#isVariable) this.#masks.variable?.(text, frame.rule);
    this.#isVariable = false;
    if (text.length < shortestName) return text;
    const masked = this.#masks.name(text);
    return masked === text ? text : masked.replace(/\W/g, '_');
  }

  #string(piece: string): string {
    const text = this.#lexer.value;
    if (text === '') return piece;
    const masked = this.#masks.string(accepting(this.#frame.rule, stringBit), text);
    if (masked === text) return piece;
    return masked === undefined ? 'null' : JSON.stringify(masked);
  }

  #mark(text: string): void {
    this.#isVariable = text === '$';
    if (text === '(' || text === '[' || text === '{') {
      const around = text === '(' ? undefined : this.#frame.rule;
      this.#frames.push(this.#frame);
      const isValue = text === '(' || this.#frame.isValue;
      this.#frame = {
        around: text === '{' ? accepting(around, objectBit) : around,
        isValue,
        name: text === '[' ? this.#frame.name : '',
        rule: around,
      };
    } else if (text === ')' || text === ']' || text === '}') {
      this.#frame = this.#frames.pop() ?? this.#frame;
    }
  }
}
