import { before, earlier, joined, type MaskRule, tokenRule } from '../policy/mask-rule.ts';
import type { Scope } from '../rules/scope.ts';
import type { DeepText, VariableUses } from './deep-text.ts';
import type { Edits } from './edits.ts';
import { openBracket, skipSpace, stringInside, stringText } from './json-bytes.ts';

const unclear: MaskRule = tokenRule('default/undecodable', 'value');

/** Members `variables` of JSON, as requests of GraphQL have them: the document beside them says what each holds. */
export class JsonVariables {
  /** How deep the variables at hand stand; 0 outside of them. */
  depth = 0;
  readonly #scope: Scope;
  readonly #deep: DeepText;
  readonly #edits: Edits;
  #bytes: Buffer = Buffer.alloc(0);
  #isList = false;
  #start = 0;
  #end = 0;
  #uses: VariableUses | undefined;

  constructor(scope: Scope, deep: DeepText, edits: Edits) {
    this.#scope = scope;
    this.#deep = deep;
    this.#edits = edits;
  }

  /** @param uses - where all of the JSON is variables */
  start(bytes: Buffer, start: number, end: number, uses: VariableUses | undefined): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#uses = uses;
    this.depth = uses === undefined ? 0 : 1;
    this.#isList = uses !== undefined && bytes[skipSpace(bytes, start, end)] === openBracket;
  }

  /** @param isList - they are a list of objects, for a document that is carried out several times */
  open(depth: number, isList: boolean): void {
    if (this.depth !== 0) return;
    this.depth = depth;
    this.#isList = isList;
  }

  close(depth: number): void {
    if (this.depth === depth) this.depth = 0;
  }

  /**
   * The rule for variables, or for a member within them, which stands at this depth.
   *
   * @param own - that for its name in JSON
   */
  rule(own: MaskRule | undefined, name: string, depth: number): MaskRule | undefined {
    if (this.depth === 0) return this.#known().unclear ? earlier(own, unclear) : own;
    const rule = before(own, this.#scope.rules.gql(name));
    const isVariable = depth === this.depth || (this.#isList && depth === this.depth + 1);
    return isVariable ? joined(this.#known().rule(name), rule) : rule;
  }

  /** Masks variables that are a text of their own. */
  text(from: number, to: number, escaped: boolean, level: number): void {
    const text = stringText(this.#bytes, from, to, escaped);
    const masked = this.#deep.maskVariables(text, level, this.#known());
    if (masked !== text) this.#edits.add(from, to, stringInside(masked));
  }

  /** Looked up once there are variables: few documents have any. */
  #known(): VariableUses {
    this.#uses ??= this.#deep.variableUses(this.#bytes, this.#start, this.#end);
    return this.#uses;
  }
}
