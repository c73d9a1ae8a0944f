import { eachField, int32At, type Place, textAt } from './descriptor-reader.ts';
import { readOptions } from './field-type.ts';
import { wire } from './wire.ts';

/** An enum as its descriptor has it. */
export interface EnumType {
  readonly fullName: string;
  /** Of names for one number, the first. */
  readonly names: ReadonlyMap<number, string>;
  readonly numbers: ReadonlyMap<string, number>;
  /** What a field has that is not set: the first value. */
  readonly first: number;
  /** Values that are marked with `debug_redact`: fields whose options have such a value are to be hidden. */
  readonly redacted: ReadonlySet<number>;
}

const redacts = 3;

/**
 * Reads a `google.protobuf.EnumDescriptorProto`.
 *
 * @throws MalformedWire
 */
export function readEnum(fullName: string, place: Place): EnumType {
  const { bytes } = place;
  const names = new Map<number, string>();
  const numbers = new Map<string, number>();
  const redacted = new Set<number>();
  let first: number | undefined;
  eachField(place, (number, type, start, end) => {
    if (number !== 2 || type !== wire.bytes) return;
    let [name, value, isRedacted] = ['', 0, false];
    eachField({ bytes, start, end }, (part, partType, from, to) => {
      if (part === 1 && partType === wire.bytes) name = textAt(bytes, from, to);
      else if (part === 2 && partType === wire.varint) value = int32At(bytes, from, to);
      else if (part === 3 && partType === wire.bytes) {
        isRedacted = readOptions({ bytes, start: from, end: to }).some((option) => option.number === redacts);
      }
    });
    first ??= value;
    if (!names.has(value)) names.set(value, name);
    if (!numbers.has(name)) numbers.set(name, value);
    if (isRedacted) redacted.add(value);
  });
  return { fullName, names, numbers, first: first ?? 0, redacted };
}
