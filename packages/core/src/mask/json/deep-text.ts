import type { MaskRule } from '../policy/mask-rule.ts';
import type { Edits } from './edits.ts';

/** What GraphQL documents say of their variables. */
export interface VariableUses {
  /** Some document cannot be read to its end: nothing is known of its variables. */
  readonly unclear: boolean;
  /** They say nothing of any. */
  readonly isEmpty: boolean;
  /** The rule for a variable that is used where there is one. */
  rule(name: string): MaskRule | undefined;
}

/** Masks a text whatever it is: what the readers of each format hand their values to. */
export interface DeepText {
  /**
   * The masked text, or the same when there is nothing to mask in it.
   *
   * @param level - how many encodings deep the text stands
   */
  mask(text: string, level: number): string;
  /** A text that is the variables of GraphQL documents, as JSON. */
  maskVariables(text: string, level: number, uses: VariableUses): string;
  /** What the GraphQL documents say that are strings in the JSON in `bytes[start..end)`. */
  variableUses(bytes: Buffer, start: number, end: number): VariableUses;
  /** What detectors replace in `bytes[start..end)`, or undefined when nothing. */
  maskBytes(bytes: Buffer, start: number, end: number, level: number): string | undefined;
  /**
   * Notes what is to be replaced in `bytes[start..end)`, the inside of a JSON string without escapes.
   *
   * @param marked - there can be an equals sign in it
   */
  edit(bytes: Buffer, start: number, end: number, marked: boolean, level: number, edits: Edits): void;
  /** Whether the inside of a JSON string holds nothing to mask, at whatever level it stands. */
  isDull(bytes: Buffer, start: number, end: number, escaped: boolean): boolean;
  /** The rule for a number in JSON that is sensitive by how it looks. */
  numberRule(bytes: Buffer, start: number, end: number): MaskRule | undefined;
  /** The text under a rule: as the rule says, or as detectors find when the rule keeps it. */
  maskUnder(rule: MaskRule, text: string, level: number): string;
}
