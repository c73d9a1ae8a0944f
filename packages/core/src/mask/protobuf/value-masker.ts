import { isUtf8 } from 'node:buffer';
import type { ProtobufType } from '../../protobuf/field-type.ts';
import { readScalar } from '../../protobuf/scalar-value.ts';
import { malformed, WireReader } from '../../protobuf/wire.ts';
import { isNoteworthy, stringWeights } from '../json/json-bytes.ts';
import { accepting, arrayBit, type MaskRule, numberBit, stringBit } from '../policy/mask-rule.ts';
import type { MaskedValues } from '../rules/masked-values.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import type { FieldPlan } from './message-plan.ts';
import { WireEdits } from './wire-edits.ts';

const opaqueBytes = 'default/proto/bytes';
/** Numbers of fewer digits are no card numbers: varints of them have six bytes at least. */
const longVarint = 6;
const longestVarint = 9;
/** Texts of this length are always looked at closer. */
const longText = 15;
const noBytes: Buffer = Buffer.alloc(0);

/** Masks the values of fields that hold no message: strings, bytes, numbers. Notes what is to be replaced. */
export class ValueMasker {
  readonly edits: WireEdits = new WireEdits();
  /** What the values stand in. */
  bytes: Buffer = noBytes;
  /** Something looks at values by how they look. */
  looks = true;
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #values: MaskedValues;
  #dropsOpaque = true;

  constructor(scope: Scope, text: TextMasker, values: MaskedValues) {
    this.#scope = scope;
    this.#text = text;
    this.#values = values;
  }

  /** A message begins. */
  start(bytes: Buffer): void {
    const { rules } = this.#scope;
    this.edits.clear();
    this.bytes = bytes;
    this.looks = rules.detects || rules.patterns.length > 0;
    this.#dropsOpaque = rules.enabled(opaqueBytes);
  }

  string(
    field: FieldPlan,
    given: MaskRule | undefined,
    start: number,
    lengthAt: number,
    from: number,
    to: number,
    isBytes: boolean,
  ): void {
    if (from === to) return;
    const rule = ruleFor(given, stringBit, field);
    if (rule === undefined || rule.action === 'keep') {
      if (rule?.detectors !== false) this.#byLook(lengthAt, from, to, isBytes);
      return;
    }
    if (rule.action === 'remove') {
      this.remove(rule, start, to);
      return;
    }
    if (isBytes) {
      this.#zeros(rule, field.type, from, to);
      return;
    }
    const bytes = this.bytes;
    const values = this.#values;
    if (this.#scope.trace === undefined && values.find(rule, bytes, from, to)) {
      this.#scope.count(rule.id);
      this.edits.sizedBytes(lengthAt, to, values.store, values.from, values.to);
      return;
    }
    const readable = isUtf8(bytes.subarray(from, to));
    const text = bytes.toString(readable ? 'utf8' : 'latin1', from, to);
    const masked = this.#text.maskUnder(rule, text, 0);
    if (masked === text) return;
    this.edits.sizedText(lengthAt, to, masked);
    if (readable && text.length >= rule.minLength) values.add(rule, bytes, from, to, masked);
  }

  /** A value that no rule is for. Of bytes that are no text, nobody knows what they hold. */
  #byLook(lengthAt: number, from: number, to: number, isBytes: boolean): void {
    const bytes = this.bytes;
    if (!isBytes && to - from >= longText) {
      this.#longByLook(lengthAt, from, to);
      return;
    }
    const all = this.#scope.rules.patterns.length > 0;
    let sum = 0;
    let i = from;
    let high = 0;
    // The same quick look as at strings of JSON.
    for (; i < to; i++) {
      const byte = bytes[i] ?? 0;
      const weight = stringWeights[byte] ?? 0;
      high |= byte;
      if (weight < 0) break;
      sum = (sum + weight) | 0;
    }
    const odd = i < to;
    // The quick look goes past 0x7f, which no text has.
    if (high > 0x7f || odd || (isBytes && high === 0x7f)) {
      if (isBytes && hasControls(bytes, from, to)) {
        this.#opaque(from, to);
        return;
      }
      if (!isUtf8(bytes.subarray(from, to))) {
        if (isBytes) this.#opaque(from, to);
        else this.#unreadable(lengthAt, from, to);
        return;
      }
    }
    if (!odd && !all && !isNoteworthy(sum, to - from)) return;
    const masked = this.#text.maskBytes(bytes, from, to, 0);
    if (masked !== undefined) this.edits.sizedText(lengthAt, to, masked);
  }

  /** Of a text as long as that, only what it is made of has to be known before detectors look. */
  #longByLook(lengthAt: number, from: number, to: number): void {
    const bytes = this.bytes;
    let high = 0;
    for (let i = from; i < to; i++) high |= bytes[i] ?? 0;
    if (high > 0x7f && !isUtf8(bytes.subarray(from, to))) {
      this.#unreadable(lengthAt, from, to);
      return;
    }
    const masked = this.#text.maskBytes(bytes, from, to, 0);
    if (masked !== undefined) this.edits.sizedText(lengthAt, to, masked);
  }

  #opaque(from: number, to: number): void {
    if (this.#dropsOpaque) this.#zeros(this.#scope.rules.default(opaqueBytes, 'value'), 'bytes', from, to);
  }

  #unreadable(lengthAt: number, from: number, to: number): void {
    const text = this.bytes.toString('latin1', from, to);
    const masked = this.#text.undecodable(text, 0);
    if (masked !== text) this.edits.sizedText(lengthAt, to, masked);
  }

  /** @param width - bytes of a fixed number; 0 for a varint */
  number(
    field: FieldPlan,
    given: MaskRule | undefined,
    start: number,
    from: number,
    to: number,
    width: number,
  ): void {
    const rule = this.#numberRule(field, given, from, to);
    if (rule === undefined) return;
    if (rule.action === 'remove') this.remove(rule, start, to);
    else this.#zeroNumber(rule, field, from, to, width);
  }

  #numberRule(field: FieldPlan, given: MaskRule | undefined, from: number, to: number): MaskRule | undefined {
    const rule = ruleFor(given, numberBit, field);
    // As in JSON, the name of a flag says nothing against what it says: rules that point at it do.
    if (field.kind === 'flag')
      return rule?.order === Number.POSITIVE_INFINITY || !masks(rule) ? undefined : rule;
    if (masks(rule)) return rule;
    if (rule?.detectors === false || !this.looks) return undefined;
    const text = this.#longNumber(field, from, to);
    return text === undefined ? undefined : this.#text.numberRule(text, 0, text.length);
  }

  /** The digits of a number that can be that of a card, or that a pattern of the user's is for. */
  #longNumber(field: FieldPlan, from: number, to: number): Buffer | undefined {
    const length = to - from;
    const all = this.#scope.rules.patterns.length > 0;
    let value: bigint | number;
    if (field.kind === 'double') {
      value = this.bytes.readDoubleLE(from);
      if (!Number.isSafeInteger(value) || (!all && value < 1e12)) return undefined;
    } else if (field.kind === 'fixed64') {
      value = this.bytes.readBigUInt64LE(from);
    } else if (field.kind === 'varint' && (all || (length >= longVarint && length <= longestVarint))) {
      value = bigVarint(this.bytes, from, to);
    } else return undefined;
    return Buffer.from(String(value), 'latin1');
  }

  /** Numbers one after the other. */
  packed(field: FieldPlan, given: MaskRule | undefined, start: number, from: number, to: number): void {
    const width = field.kind === 'fixed32' ? 4 : field.kind === 'fixed64' || field.kind === 'double' ? 8 : 0;
    const rule = ruleFor(given, numberBit, field);
    if (rule?.action === 'remove') {
      this.remove(rule, start, to);
      return;
    }
    if (width !== 0 && (to - from) % width !== 0) throw malformed;
    const reader = new WireReader(this.bytes, from);
    while (reader.at < to) {
      const at = reader.at;
      if (width === 0) reader.skipVarint(to);
      else reader.at += width;
      const each = this.#numberRule(field, given, at, reader.at);
      if (each !== undefined) this.#zeroNumber(each, field, at, reader.at, width);
    }
  }

  #zeroNumber(rule: MaskRule, field: FieldPlan, from: number, to: number, width: number): void {
    if (width > 0) {
      this.#zeros(rule, field.type, from, to);
      return;
    }
    if (to - from === 1 && this.bytes[from] === 0) return;
    this.#countZeroed(rule, field.type, from, to);
    this.edits.zeroVarint(from, to);
  }

  #zeros(rule: MaskRule, type: ProtobufType, from: number, to: number): void {
    let all = 0;
    for (let i = from; i < to && all === 0; i++) all |= this.bytes[i] ?? 0;
    if (all === 0) return;
    this.#countZeroed(rule, type, from, to);
    this.edits.zero(from, to);
  }

  #countZeroed(rule: MaskRule, type: ProtobufType, from: number, to: number): void {
    if (this.#scope.trace === undefined) {
      this.#scope.count(rule.id);
      return;
    }
    const shown = (bytes: Buffer, start: number, end: number) =>
      String(readScalar(type, bytes, start, end, undefined));
    const zeros = Buffer.alloc(to - from);
    this.#scope.count(rule.id, shown(this.bytes, from, to), shown(zeros, 0, zeros.length));
  }

  remove(rule: MaskRule, start: number, end: number): void {
    this.count(rule.id, start, end);
    this.edits.remove(start, end);
  }

  /** What stood there is only made into text where somebody asks. */
  count(rule: string, from = 0, to = 0): void {
    const traced = this.#scope.trace !== undefined;
    this.#scope.count(rule, traced ? this.bytes.toString('hex', from, to) : '');
  }
}

export function masks(rule: MaskRule | undefined): boolean {
  return rule !== undefined && rule.action !== 'keep';
}

/** The rule for a value of this kind; a rule for lists is for what is repeated. */
export function ruleFor(rule: MaskRule | undefined, bit: number, field: FieldPlan): MaskRule | undefined {
  return rule === undefined ? undefined : accepting(rule, field.repeated ? bit | arrayBit : bit);
}

/** Characters that text has none of, from `start` on. */
function hasControls(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return true;
    if (byte === 0x7f) return true;
  }
  return false;
}

function bigVarint(bytes: Uint8Array, start: number, end: number): bigint {
  let value = 0n;
  for (let i = end - 1; i >= start; i--) value = (value << 7n) | BigInt((bytes[i] ?? 0) & 0x7f);
  return value;
}
