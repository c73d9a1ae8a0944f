import { eachField, int32At, nameAt, type Place, within } from './descriptor-reader.ts';
import { type Features, featuresInOptions } from './features.ts';
import { malformed, wire } from './wire.ts';

/** The type of a field as a schema names it. */
export type ProtobufType =
  | 'double'
  | 'float'
  | 'int64'
  | 'uint64'
  | 'int32'
  | 'fixed64'
  | 'fixed32'
  | 'bool'
  | 'string'
  | 'group'
  | 'message'
  | 'bytes'
  | 'uint32'
  | 'enum'
  | 'sfixed32'
  | 'sfixed64'
  | 'sint32'
  | 'sint64';

/** How a field's values are written and read, as far as masking has to tell them apart. */
export type FieldKind = 'string' | 'bytes' | 'message' | 'varint' | 'fixed32' | 'fixed64' | 'double' | 'flag';

/** A field, or an extension, as its descriptor has it. */
export interface FieldType {
  /** As written in the schema; of an extension, its full name without what it extends. */
  readonly name: string;
  /** With that of the message, or for an extension of where it was declared, before it. */
  readonly fullName: string;
  readonly number: number;
  readonly type: ProtobufType;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** The message or enum that it holds: a full name, once the registry gives it. In a descriptor that begins with a dot. */
  readonly typeName: string;
  readonly isExtension: boolean;
  /** Not set is told from set to the default value: of fields that are not lists. */
  readonly presence: boolean;
  /** Numbers of a list are written behind one length. */
  readonly packed: boolean;
  /** A message that is written between two tags, and not behind its length. */
  readonly delimited: boolean;
  /** Which `oneof` of its message it is in; -1 when it is in none. */
  readonly oneof: number;
  /** Its options that are set to something other than false and 0, by number. */
  readonly options: readonly FieldOption[];
}

export interface FieldOption {
  readonly number: number;
  /** Of options that are flags or enums: not 0 where one of 64 bits is not. */
  readonly value: number;
}

/** Types and kinds by the number of the type in a descriptor. */
const types: readonly (readonly [type: ProtobufType, kind: FieldKind])[] = [
  ['bytes', 'bytes'], // no type
  ['double', 'double'],
  ['float', 'fixed32'],
  ['int64', 'varint'],
  ['uint64', 'varint'],
  ['int32', 'varint'],
  ['fixed64', 'fixed64'],
  ['fixed32', 'fixed32'],
  ['bool', 'flag'],
  ['string', 'string'],
  ['group', 'message'],
  ['message', 'message'],
  ['bytes', 'bytes'],
  ['uint32', 'varint'],
  ['enum', 'flag'],
  ['sfixed32', 'fixed32'],
  ['sfixed64', 'fixed64'],
  ['sint32', 'varint'],
  ['sint64', 'varint'],
];
// Types that are not known yet are read as bytes, of which nothing is shown.
const unknownType = ['bytes', 'bytes'] as const;

const labelRepeated = 3;
const packedOption = 2;
const fieldFeatures = 21;

/**
 * Reads a `google.protobuf.FieldDescriptorProto`.
 *
 * @param features - of what it stands in
 * @throws MalformedWire
 */
export function readField(place: Place, scope: string, around: Features, isExtension: boolean): FieldType {
  const { bytes } = place;
  let [name, number, label, typeNumber, typeName] = ['', 0, 0, 0, ''];
  let [oneof, isOptional] = [-1, false];
  const options = new Map<number, number>();
  let packed: boolean | undefined;
  let features = around;
  eachField(place, (part, type, start, end, value) => {
    if (part === 1 && type === wire.bytes) name = nameAt(bytes, start, end);
    else if (part === 3 && type === wire.varint) number = value;
    else if (part === 4 && type === wire.varint) label = value;
    else if (part === 5 && type === wire.varint) typeNumber = value;
    else if (part === 6 && type === wire.bytes) typeName = nameAt(bytes, start, end);
    else if (part === 9 && type === wire.varint) oneof = value;
    else if (part === 17 && type === wire.varint) isOptional = value !== 0;
    else if (part === 8 && type === wire.bytes) {
      const inside = { bytes, start, end };
      gatherOptions(inside, options);
      packed = flagIn(inside, packedOption) ?? packed;
      features = featuresInOptions(inside, fieldFeatures, features);
    }
  });
  const [type, kind] = types[typeNumber] ?? unknownType;
  const repeated = label === labelRepeated;
  const isMessage = kind === 'message';
  return {
    name,
    fullName: within(scope, name),
    number,
    type,
    kind,
    repeated,
    typeName,
    isExtension,
    presence: !repeated && (isMessage || isExtension || isOptional || oneof >= 0 || features.presence),
    packed: repeated && !isMessage && kind !== 'string' && kind !== 'bytes' && (packed ?? features.packed),
    delimited: type === 'group' || (isMessage && features.delimited),
    oneof: isOptional ? -1 : oneof,
    options: setOptions(options),
  };
}

/** Different options of one thing. */
const mostOptions = 10_000;

/**
 * Those that say something: not false, not 0, not empty.
 *
 * @throws MalformedWire
 */
export function readOptions(place: Place): FieldOption[] {
  const values = new Map<number, number>();
  gatherOptions(place, values);
  return setOptions(values);
}

/** Options may stand in several pieces: of one that is set twice, the later holds. */
function gatherOptions(place: Place, values: Map<number, number>): void {
  eachField(place, (number, type, start, end, value) => {
    if (type === wire.varint) values.set(number, int32At(place.bytes, start, end) || value);
    else if (end > start) values.set(number, values.get(number) ?? -1);
    if (values.size > mostOptions) throw malformed;
  });
}

function setOptions(values: ReadonlyMap<number, number>): FieldOption[] {
  return [...values].filter(([, value]) => value !== 0).map(([number, value]) => ({ number, value }));
}

/** What an option of this number says, where it is there. */
function flagIn(place: Place, number: number): boolean | undefined {
  let flag: boolean | undefined;
  eachField(place, (found, type, _start, _end, value) => {
    if (found === number && type === wire.varint) flag = value !== 0;
  });
  return flag;
}
