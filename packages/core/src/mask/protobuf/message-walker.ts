import { deepestMessage, malformed, tooDeep, WireReader, wire } from '../../protobuf/wire.ts';
import { accepting, earlier, type MaskRule, objectBit } from '../policy/mask-rule.ts';
import { roleValue } from '../rules/name-table.ts';
import type { Scope } from '../rules/scope.ts';
import type { FieldPlan, MessagePlan, MessagePlans } from './message-plan.ts';
import { earlierOf, isItem, MessageScan, setItem } from './message-scan.ts';
import { masks, ruleFor, type ValueMasker } from './value-masker.ts';
import type { WireEdits } from './wire-edits.ts';

const unknownField = 'default/proto/unknown-field';
const noBytes: Buffer = Buffer.alloc(0);

/**
 * Masks protobuf where it stands, without decoding it to objects: what is not masked keeps its bytes, order, and ways of being
 * written. Fields are masked by their numbers, whatever wire type they come with; what no descriptor tells of is left out.
 */
export class MessageWalker {
  readonly edits: WireEdits;
  readonly #values: ValueMasker;
  readonly #reader = new WireReader(noBytes);
  readonly #scan: MessageScan;
  #plans: MessagePlans;
  #dropsUnknown = true;

  constructor(scope: Scope, values: ValueMasker, plans: MessagePlans) {
    this.#values = values;
    this.edits = values.edits;
    this.#plans = plans;
    this.#scan = new MessageScan(scope, this.#reader);
  }

  /**
   * Notes what is to be replaced in a whole message.
   *
   * @param inherited - the rule that the message as a whole falls under
   * @throws MalformedWire
   */
  walk(bytes: Buffer, plan: MessagePlan, plans: MessagePlans, inherited: MaskRule | undefined): void {
    this.#plans = plans;
    this.#dropsUnknown = plans.rules.enabled(unknownField);
    this.#values.start(bytes);
    this.#scan.bytes = bytes;
    this.#reader.bytes = bytes;
    this.#reader.at = 0;
    this.#message(plan, bytes.length, 0, inherited, 0);
    this.#scan.bytes = noBytes;
    this.#reader.bytes = noBytes;
  }

  /** @param group - number of the field whose end ends the message; 0 where `end` does */
  #message(
    plan: MessagePlan,
    end: number,
    depth: number,
    inherited: MaskRule | undefined,
    group: number,
  ): void {
    if (depth > deepestMessage) throw tooDeep;
    if (plan.form === 'any') {
      this.#any(plan, end, depth, inherited, group);
      return;
    }
    const reader = this.#reader;
    let named: MaskRule | undefined;
    if (plan.form === 'entry') named = this.#scan.ruleOfKey(end, depth, group);
    else if (plan.pairs) named = this.#scan.ruleOfName(plan, end, depth, group);
    const isEntry = plan.form === 'entry';
    const split =
      this.#dropsUnknown && plan.mayBeSplit ? this.#scan.inParts(plan, end, depth, group) : undefined;
    while (reader.at < end) {
      const start = reader.at;
      const tag = reader.tag(end);
      const type = tag & 7;
      const number = tag >>> 3;
      if (type === wire.endGroup) {
        if (number !== group || group === 0) throw malformed;
        return;
      }
      const field = plan.field(number);
      if (field === undefined) {
        if (isItem(plan, tag)) this.#setItem(plan, start, end, depth, inherited, split);
        else this.#unknown(start, tag, end, depth);
        continue;
      }
      if (split?.has(field) === true) {
        this.#unknown(start, tag, end, depth);
        continue;
      }
      let { rule } = field;
      if (named !== undefined && (isEntry ? !field.isKey : field.role === roleValue))
        rule = isEntry ? earlier(named, rule) : earlier(rule, named);
      if (inherited !== undefined && !field.isKey) rule = earlier(rule, inherited);
      this.#field(field, rule, start, tag, end, depth);
    }
    if (group !== 0) throw malformed;
  }

  #field(
    field: FieldPlan,
    rule: MaskRule | undefined,
    start: number,
    tag: number,
    end: number,
    depth: number,
  ): void {
    const reader = this.#reader;
    const from = reader.at;
    switch (tag & 7) {
      case wire.bytes: {
        const to = reader.sized(end);
        const inside = reader.at;
        switch (field.kind) {
          case 'string':
            this.#values.string(field, rule, start, from, inside, to, false);
            break;
          case 'bytes':
            this.#values.string(field, rule, start, from, inside, to, true);
            break;
          case 'message':
            this.#within(field, rule, start, from, inside, to, depth);
            break;
          default:
            if (field.repeated) this.#values.packed(field, rule, start, inside, to);
            else this.#mismatch(rule, start, to);
        }
        reader.at = to;
        break;
      }
      case wire.varint:
        reader.skipVarint(end);
        if (field.kind === 'varint' || field.kind === 'flag')
          this.#values.number(field, rule, start, from, reader.at, 0);
        else this.#mismatch(rule, start, reader.at);
        break;
      case wire.fixed64:
        reader.skip(8, end);
        if (field.kind === 'fixed64' || field.kind === 'double')
          this.#values.number(field, rule, start, from, reader.at, 8);
        else this.#mismatch(rule, start, reader.at);
        break;
      case wire.fixed32:
        reader.skip(4, end);
        if (field.kind === 'fixed32') this.#values.number(field, rule, start, from, reader.at, 4);
        else this.#mismatch(rule, start, reader.at);
        break;
      case wire.startGroup:
        this.#group(field, rule, start, tag, end, depth);
        break;
      default:
        throw malformed;
    }
  }

  /** A message behind its length. */
  #within(
    field: FieldPlan,
    rule: MaskRule | undefined,
    start: number,
    lengthAt: number,
    inside: number,
    to: number,
    depth: number,
  ): void {
    const own = ruleFor(rule, objectBit, field);
    if (own?.action === 'remove') {
      this.#values.remove(own, start, to);
      return;
    }
    if (own?.action === 'redact') {
      if (to === inside) return;
      this.#values.count(own.id);
      this.edits.sizedBytes(lengthAt, to, noBytes, 0, 0);
      return;
    }
    this.#inner(field.plan, lengthAt, inside, to, depth, own);
  }

  /** The content of a message; without a plan nobody knows what is in it. */
  #inner(
    plan: MessagePlan | undefined,
    lengthAt: number,
    inside: number,
    to: number,
    depth: number,
    inherited: MaskRule | undefined,
  ): void {
    if (to === inside || shows(inherited, plan)) return;
    const { edits } = this;
    if (plan === undefined) {
      this.#values.count('dropped:schema-unknown');
      edits.sizedBytes(lengthAt, to, noBytes, 0, 0);
      return;
    }
    if (inherited === undefined && !this.#values.looks && plan.isIdle) return;
    const before = edits.growth;
    const { count } = edits;
    const length = edits.length(lengthAt, inside);
    this.#reader.at = inside;
    this.#message(plan, to, depth + 1, inherited, 0);
    if (edits.count === count + 1) edits.truncate(count, before);
    else if (edits.growth !== before) edits.setLength(length, to - inside + edits.growth - before);
  }

  #group(
    field: FieldPlan,
    rule: MaskRule | undefined,
    start: number,
    tag: number,
    end: number,
    depth: number,
  ): void {
    const reader = this.#reader;
    const inside = reader.at;
    const own = ruleFor(rule, objectBit, field);
    const plan = field.kind === 'message' ? field.plan : undefined;
    if (plan !== undefined && own?.action !== 'remove' && own?.action !== 'redact') {
      this.#message(plan, end, depth + 1, own, tag >>> 3);
      return;
    }
    reader.skipValue(tag, end, depth);
    if (own !== undefined && own.action !== 'keep') this.#values.remove(own, start, reader.at);
    else if (plan === undefined && reader.at > inside) this.#mismatch(rule, start, reader.at);
  }

  /** Any: its type may come after its value, and the last one given counts. */
  #any(plan: MessagePlan, end: number, depth: number, inherited: MaskRule | undefined, group: number): void {
    const reader = this.#reader;
    const begin = reader.at;
    let url = '';
    this.#scan.each(end, depth, group, (tag, inside, to) => {
      if (tag === 0x0a) url = this.#scan.bytes.toString('utf8', inside, to);
    });
    const type = this.#plans.of(url.slice(url.lastIndexOf('/') + 1));
    reader.at = begin;
    this.#scan.each(end, depth, group, (tag, inside, to, start, lengthAt) => {
      const field = plan.field(tag >>> 3);
      if (tag === 0x12) this.#inner(type, lengthAt, inside, to, depth, inherited);
      else if (tag === 0x0a && field !== undefined)
        this.#values.string(field, undefined, start, lengthAt, inside, to, false);
      else this.#mismatch(inherited, start, to);
    });
  }

  #setItem(
    plan: MessagePlan,
    start: number,
    end: number,
    depth: number,
    inherited: MaskRule | undefined,
    split: Set<FieldPlan> | undefined,
  ): void {
    const reader = this.#reader;
    const begin = reader.at;
    const { field, contents } = this.#scan.itemType(plan, end, depth);
    const inParts = field?.joins === true && contents > 1 && this.#dropsUnknown;
    if (field === undefined || inParts || split?.has(field) === true) {
      this.#unknownUntil(start, reader.at);
      return;
    }
    const rule = earlierOf(field.rule, inherited);
    const own = accepting(rule, objectBit);
    if (own?.action === 'remove' || own?.action === 'redact') {
      this.#values.remove(own, start, reader.at);
      return;
    }
    reader.at = begin;
    this.#scan.each(end, depth, setItem, (tag, inside, to, from, lengthAt) => {
      if (tag === 0x1a) this.#inner(field.plan, lengthAt, inside, to, depth, own);
      else if (tag !== 0x10) this.#mismatch(inherited, from, to);
    });
  }

  #unknown(start: number, tag: number, end: number, depth: number): void {
    this.#reader.skipValue(tag, end, depth);
    this.#unknownUntil(start, this.#reader.at);
  }

  #unknownUntil(start: number, end: number): void {
    if (!this.#dropsUnknown) return;
    this.#values.count(unknownField);
    this.edits.remove(start, end);
  }

  /** A field with a wire type that is not its own: what it holds is not what its descriptor says. */
  #mismatch(rule: MaskRule | undefined, start: number, end: number): void {
    if (rule !== undefined && masks(rule)) this.#values.remove(rule, start, end);
    else if (rule?.detectors !== false) this.#unknownUntil(start, end);
  }
}

/** Of a message that the user shows as it is, no more need be known. */
function shows(rule: MaskRule | undefined, plan: MessagePlan | undefined): boolean {
  return plan === undefined && rule?.action === 'keep' && !rule.detectors;
}
