import { malformed, WireReader, wire } from '../../protobuf/wire.ts';
import { earlier, type MaskRule } from '../policy/mask-rule.ts';
import { roleName } from '../rules/name-table.ts';
import type { Scope } from '../rules/scope.ts';
import type { FieldPlan, MessagePlan } from './message-plan.ts';
import { masks } from './value-masker.ts';

/** Number of the groups that items of a message set are. */
export const setItem = 1;

/** Looks ahead over the fields of a message, from where the reader is: what one of them says tells how others are masked. */
export class MessageScan {
  /** What the reader reads. */
  bytes: Buffer = Buffer.alloc(0);
  readonly #scope: Scope;
  readonly #reader: WireReader;

  constructor(scope: Scope, reader: WireReader) {
    this.#scope = scope;
    this.#reader = reader;
  }

  /** Calls back for each field up to the end of the message or group, which is passed over. */
  each(
    end: number,
    depth: number,
    group: number,
    found: (tag: number, inside: number, to: number, start: number, lengthAt: number) => void,
  ): void {
    const reader = this.#reader;
    while (reader.at < end) {
      const start = reader.at;
      const tag = reader.tag(end);
      if ((tag & 7) === wire.endGroup) {
        if (tag >>> 3 !== group || group === 0) throw malformed;
        return;
      }
      const lengthAt = reader.at;
      let inside = lengthAt;
      let to = lengthAt;
      if ((tag & 7) === wire.bytes) {
        to = reader.sized(end);
        inside = reader.at;
      } else {
        reader.skipValue(tag, end, depth);
        to = reader.at;
      }
      found(tag, inside, to, start, lengthAt);
      reader.at = to;
    }
    if (group !== 0) throw malformed;
  }

  /** Fields of which readers make one message of several, though what one of these says tells how another is to be masked. */
  inParts(plan: MessagePlan, end: number, depth: number, group: number): Set<FieldPlan> | undefined {
    const begin = this.#reader.at;
    let seen: Set<FieldPlan> | undefined;
    let split: Set<FieldPlan> | undefined;
    this.each(end, depth, group, (tag, inside) => {
      this.#reader.at = inside;
      const field = isItem(plan, tag) ? this.itemType(plan, end, depth).field : plan.field(tag >>> 3);
      if (field?.joins !== true) return;
      seen ??= new Set();
      if (seen.has(field)) split = (split ?? new Set()).add(field);
      else seen.add(field);
    });
    this.#reader.at = begin;
    return split;
  }

  /** An item of a message set, whose group has begun: its number, which may come after its content, says of what type that is. */
  itemType(plan: MessagePlan, end: number, depth: number): ItemType {
    let number: number | undefined;
    let contents = 0;
    this.each(end, depth, setItem, (tag, inside, to) => {
      if (tag === 0x1a) contents++;
      if (tag !== 0x10) return;
      const found = readVarint(this.bytes, inside, to);
      // Of two, some readers take the first and some the last.
      number = number === undefined || number === found ? found : -1;
    });
    const field = plan.field(number ?? -1);
    return { field: field?.kind === 'message' ? field : undefined, contents };
  }

  /** What the key of a map's entry says of its value. It may come after it, and more than once. */
  ruleOfKey(end: number, depth: number, group: number): MaskRule | undefined {
    const begin = this.#reader.at;
    let rule: MaskRule | undefined;
    this.each(end, depth, group, (tag, inside, to) => {
      if (tag === 0x0a) rule = earlierOf(rule, this.#named(inside, to, false));
    });
    this.#reader.at = begin;
    return rule;
  }

  /** What fields that name things say of those that hold them: the first that does not let them be. */
  ruleOfName(plan: MessagePlan, end: number, depth: number, group: number): MaskRule | undefined {
    const begin = this.#reader.at;
    let rule: MaskRule | undefined;
    this.each(end, depth, group, (tag, inside, to) => {
      if ((tag & 7) !== wire.bytes || masks(rule)) return;
      if (plan.field(tag >>> 3)?.role === roleName) rule = this.#named(inside, to, true) ?? rule;
    });
    this.#reader.at = begin;
    return rule;
  }

  #named(start: number, end: number, asPair: boolean): MaskRule | undefined {
    if (end - start > 256) return undefined;
    const entry = this.#scope.rules.jsonNames.find(this.bytes, start, end, false);
    return asPair ? entry.pairRule : entry.rule;
  }
}

interface ItemType {
  /** Undefined where it is of no known type. */
  readonly field: FieldPlan | undefined;
  /** How many times its content is given. */
  readonly contents: number;
}

/** Whether an item of a message set begins. */
export function isItem(plan: MessagePlan, tag: number): boolean {
  return plan.form === 'set' && tag === ((setItem << 3) | wire.startGroup);
}

export function earlierOf(a: MaskRule | undefined, b: MaskRule | undefined): MaskRule | undefined {
  return a === undefined ? b : earlier(a, b);
}

function readVarint(bytes: Uint8Array, start: number, end: number): number {
  return new WireReader(bytes, start).varint(end);
}
