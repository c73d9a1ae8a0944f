import { MalformedWire, malformed, tooDeep, WireReader, wire } from './wire.ts';

/** How a field's values are written and read. */
export type FieldKind = 'string' | 'bytes' | 'message' | 'varint' | 'fixed32' | 'fixed64' | 'double' | 'flag';

/** A field, or an extension, as its descriptor has it. */
export interface FieldType {
  /** As written in the schema; of an extension, its full name without what it extends. */
  readonly name: string;
  /** With that of the message, or for an extension of where it was declared, before it. */
  readonly fullName: string;
  readonly number: number;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** The message or enum that it holds: a full name, once the registry gives it. In a descriptor that begins with a dot. */
  readonly typeName: string;
  /** Its options that are set to something other than false and 0, by number. */
  readonly options: readonly FieldOption[];
}

export interface FieldOption {
  readonly number: number;
  /** Of options that are numbers, flags or enums. */
  readonly value: number;
}

/** A message as its descriptor has it. */
export interface MessageType {
  readonly fullName: string;
  readonly fields: readonly FieldType[];
  readonly isMapEntry: boolean;
  readonly isMessageSet: boolean;
}

/** Where something stands in a set of descriptors. */
export interface Place {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** An extension, with names as they stand there: in its scope, unless they begin with a dot. */
export interface Extension {
  readonly scope: string;
  readonly extendee: string;
  readonly field: FieldType;
}

/** What is told of each thing in a set of descriptors. */
export interface DescriptorSink {
  message(fullName: string, place: Place): void;
  enum(fullName: string, place: Place): void;
  extension(extension: Extension): void;
  /**
   * @param path - as in a request: `/shop.Orders/Get`
   * @param scope - where the names of its messages are looked up that do not begin with a dot
   * @param changesNothing - whether its `idempotency_level` is `NO_SIDE_EFFECTS`
   */
  method(path: string, scope: string, request: string, response: string, changesNothing: boolean): void;
}

/** Messages declared within each other. */
const deepestDeclaration = 32;

type Member = (number: number, wireType: number, start: number, end: number, value: number) => void;

/**
 * Calls back for each field of a message: `start` and `end` are those of its content, `value` that of a varint.
 *
 * @throws MalformedWire
 */
export function eachField({ bytes, start, end }: Place, member: Member): void {
  const reader = new WireReader(bytes, start);
  while (reader.at < end) {
    const tag = reader.tag(end);
    const type = tag % 8;
    const number = Math.floor(tag / 8);
    const from = reader.at;
    if (type === wire.varint) {
      const value = reader.varint(end);
      member(number, type, from, reader.at, value);
    } else if (type === wire.bytes) {
      const to = reader.sized(end);
      const inside = reader.at;
      reader.at = to;
      member(number, type, inside, to, 0);
    } else {
      reader.skipValue(tag, end, 0);
      member(number, type, from, reader.at, 0);
    }
  }
}

export function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end);
}

const within = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`);

/**
 * Reads a serialised `google.protobuf.FileDescriptorSet`. Messages and enums are only found: {@link readMessage} reads one
 * when it is needed, since sets can be large.
 *
 * @returns false when the bytes are no such set; what was found before is told all the same
 */
export function readDescriptors(bytes: Uint8Array, sink: DescriptorSink): boolean {
  try {
    eachField({ bytes, start: 0, end: bytes.length }, (number, type, start, end) => {
      if (number === 1 && type === wire.bytes) readFile({ bytes, start, end }, sink);
    });
    return true;
  } catch (error) {
    if (error instanceof MalformedWire) return false;
    throw error;
  }
}

/**
 * Tells what one file of a set declares.
 *
 * @throws MalformedWire
 */
export function readFile(file: Place, sink: DescriptorSink): void {
  const { bytes } = file;
  let scope = '';
  eachField(file, (number, type, start, end) => {
    if (number === 2 && type === wire.bytes) scope = text(bytes, start, end);
  });
  eachField(file, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    const place = { bytes, start, end };
    if (number === 4) findMessage(place, scope, sink, 0);
    else if (number === 5) sink.enum(within(scope, nameOf(place)), place);
    else if (number === 6) readService(place, scope, sink);
    else if (number === 7) readExtension(place, scope, sink);
  });
}

/** The first field of messages, enums, services and methods is their name. */
function nameOf(place: Place): string {
  let name = '';
  eachField(place, (number, type, start, end) => {
    if (number === 1 && type === wire.bytes) name = text(place.bytes, start, end);
  });
  return name;
}

function findMessage(place: Place, scope: string, sink: DescriptorSink, depth: number): void {
  if (depth > deepestDeclaration) throw tooDeep;
  const own = within(scope, nameOf(place));
  const { bytes } = place;
  sink.message(own, place);
  eachField(place, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    const inner = { bytes, start, end };
    if (number === 3) findMessage(inner, own, sink, depth + 1);
    else if (number === 4) sink.enum(within(own, nameOf(inner)), inner);
    else if (number === 6) readExtension(inner, own, sink);
  });
}

/** Of `google.protobuf.MethodOptions`, and its value. */
const idempotencyLevel = 34;
const noSideEffects = 1;

function readService(place: Place, scope: string, sink: DescriptorSink): void {
  const { bytes } = place;
  const service = within(scope, nameOf(place));
  eachField(place, (number, type, start, end) => {
    if (number !== 2 || type !== wire.bytes) return;
    let [name, request, response] = ['', '', ''];
    let changesNothing = false;
    eachField({ bytes, start, end }, (part, partType, from, to) => {
      if (partType !== wire.bytes) return;
      if (part === 1) name = text(bytes, from, to);
      else if (part === 2) request = text(bytes, from, to);
      else if (part === 3) response = text(bytes, from, to);
      else if (part === 4) {
        eachField({ bytes, start: from, end: to }, (option, type, _from, _to, value) => {
          if (option === idempotencyLevel && type === wire.varint) changesNothing = value === noSideEffects;
        });
      }
    });
    sink.method(`/${service}/${name}`, service, request, response, changesNothing);
  });
}

function readExtension(place: Place, scope: string, sink: DescriptorSink): void {
  let extendee = '';
  eachField(place, (number, type, start, end) => {
    if (number === 2 && type === wire.bytes) extendee = text(place.bytes, start, end);
  });
  sink.extension({ scope, extendee, field: readField(place, scope) });
}

/** Kinds by the number of the type in a descriptor. */
const kinds: readonly (FieldKind | undefined)[] = [
  undefined,
  'double',
  'fixed32', // float
  'varint', // int64
  'varint', // uint64
  'varint', // int32
  'fixed64',
  'fixed32',
  'flag', // bool
  'string',
  'message', // group
  'message',
  'bytes',
  'varint', // uint32
  'flag', // enum
  'fixed32', // sfixed32
  'fixed64', // sfixed64
  'varint', // sint32
  'varint', // sint64
];
const labelRepeated = 3;

/** Types that are not known yet are read as bytes, of which nothing is shown. */
function readField(place: Place, scope: string): FieldType {
  const { bytes } = place;
  let [name, number, repeated, kind, typeName] = ['', 0, false, 'bytes' as FieldKind, ''];
  let options: readonly FieldOption[] = [];
  eachField(place, (part, type, start, end, value) => {
    if (part === 1 && type === wire.bytes) name = text(bytes, start, end);
    else if (part === 3 && type === wire.varint) number = value;
    else if (part === 4 && type === wire.varint) repeated = value === labelRepeated;
    else if (part === 5 && type === wire.varint) kind = kinds[value] ?? 'bytes';
    else if (part === 6 && type === wire.bytes) typeName = text(bytes, start, end);
    else if (part === 8 && type === wire.bytes) options = [...options, ...readOptions({ bytes, start, end })];
  });
  return { name, fullName: within(scope, name), number, kind, repeated, typeName, options };
}

/** Those that say something: not false, not 0, not empty. */
function readOptions(place: Place): FieldOption[] {
  const values = new Map<number, number>();
  eachField(place, (number, type, start, end, value) => {
    if (type === wire.varint) values.set(number, value);
    else if (end > start) values.set(number, values.get(number) ?? -1);
  });
  return [...values].filter(([, value]) => value !== 0).map(([number, value]) => ({ number, value }));
}

/**
 * A message at the place that was told for it.
 *
 * @throws MalformedWire
 */
export function readMessage(name: string, place: Place): MessageType {
  const { bytes } = place;
  const fields: FieldType[] = [];
  let [isMapEntry, isMessageSet] = [false, false];
  eachField(place, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    if (number === 2) fields.push(readField({ bytes, start, end }, name));
    else if (number === 7) {
      eachField({ bytes, start, end }, (option, optionType, _from, _to, value) => {
        if (optionType !== wire.varint) return;
        if (option === 1) isMessageSet = value !== 0;
        else if (option === 7) isMapEntry = value !== 0;
      });
    }
  });
  if (fields.some(({ number }) => number < 1 || number >= 2 ** 29)) throw malformed;
  return { fullName: name, fields, isMapEntry, isMessageSet };
}

const enumValueRedacts = 3;

/**
 * The values of an enum that are marked with `debug_redact`: fields whose options have such a value are to be hidden.
 *
 * @throws MalformedWire
 */
export function readRedactedValues(place: Place): ReadonlySet<number> {
  const { bytes } = place;
  const redacted = new Set<number>();
  eachField(place, (number, type, start, end) => {
    if (number !== 2 || type !== wire.bytes) return;
    let [value, redacts] = [0, false];
    eachField({ bytes, start, end }, (part, partType, from, to, found) => {
      if (part === 2 && partType === wire.varint) value = found;
      else if (part === 3 && partType === wire.bytes) {
        redacts = readOptions({ bytes, start: from, end: to }).some(
          (option) => option.number === enumValueRedacts,
        );
      }
    });
    if (redacts) redacted.add(value);
  });
  return redacted;
}
