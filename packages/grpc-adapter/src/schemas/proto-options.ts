import { GardenhoseError } from '@gardenhose/core';
import type { Enum, Field, Type } from 'protobufjs';
import type { ProtoLibrary } from './proto-library.ts';
import type { ProtoNames } from './proto-names.ts';
import { fixedField, numberField, sizedField, zigzag } from './wire.ts';

/** Options of a kind that are not declared in any file that is imported: number, and for enums the values. */
type KnownOptions = ReadonlyMap<string, readonly [number: number, values?: readonly string[]]>;

/** Whose options they are. */
export interface OptionKind {
  /** What custom options extend. */
  readonly extendee: string;
  readonly known: KnownOptions;
  /** Number of `features`. */
  readonly features: number;
}

function known(options: Record<string, readonly [number, (readonly string[])?]>): KnownOptions {
  return new Map(Object.entries(options));
}

export const optionKinds: Readonly<
  Record<'file' | 'message' | 'field' | 'enum' | 'enumValue' | 'method', OptionKind>
> = {
  file: { extendee: '', known: known({}), features: 50 },
  message: {
    extendee: 'google.protobuf.MessageOptions',
    known: known({ message_set_wire_format: [1], deprecated: [3] }),
    features: 12,
  },
  field: {
    extendee: 'google.protobuf.FieldOptions',
    known: known({
      ctype: [1, ['STRING', 'CORD', 'STRING_PIECE']],
      packed: [2],
      deprecated: [3],
      lazy: [5],
      jstype: [6, ['JS_NORMAL', 'JS_STRING', 'JS_NUMBER']],
      weak: [10],
      debug_redact: [16],
    }),
    features: 21,
  },
  enum: { extendee: '', known: known({ allow_alias: [2], deprecated: [3] }), features: 7 },
  enumValue: { extendee: '', known: known({ deprecated: [1], debug_redact: [3] }), features: 2 },
  method: {
    extendee: '',
    known: known({
      deprecated: [33],
      idempotency_level: [34, ['IDEMPOTENCY_UNKNOWN', 'NO_SIDE_EFFECTS', 'IDEMPOTENT']],
    }),
    features: 35,
  },
};

const features: KnownOptions = known({
  field_presence: [1, ['', 'EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED']],
  enum_type: [2, ['', 'OPEN', 'CLOSED']],
  repeated_field_encoding: [3, ['', 'PACKED', 'EXPANDED']],
  utf8_validation: [4, ['', '', 'VERIFY', 'NONE']],
  message_encoding: [5, ['', 'LENGTH_PREFIXED', 'DELIMITED']],
  json_format: [6, ['', 'ALLOW', 'LEGACY_BEST_EFFORT']],
});

/** Where an option stands, for messages and for names that are looked up. */
export interface OptionPlace {
  readonly file: string;
  readonly scope: string;
}

const deepest = 32;
/** Stands for what cannot be written, under the last number that there is. */
const unreadMember = numberField(2 ** 29 - 1, true);

/** Writes options as a descriptor has them, custom ones as what their declaration says. */
export class OptionWriter {
  readonly #names: ProtoNames;
  readonly #library: ProtoLibrary;

  constructor(names: ProtoNames, library: ProtoLibrary) {
    this.#names = names;
    this.#library = library;
  }

  /**
   * @param options - as protobufjs has them in `parsedOptions`: custom ones in parentheses, several of a name as several
   * @throws GardenhoseError `schema-invalid` for a custom option that is not declared, or of another type than it says
   */
  write(kind: OptionKind, options: readonly object[], place: OptionPlace): Uint8Array[] {
    return options.flatMap((each) =>
      Object.entries(each).flatMap(([name, value]: [string, unknown]) =>
        this.#option(kind, name, value, place),
      ),
    );
  }

  #option(kind: OptionKind, name: string, value: unknown, place: OptionPlace): Uint8Array[] {
    if (name.startsWith('('))
      return kind.extendee === '' ? [] : this.#custom(kind.extendee, name, value, place);
    if (name === 'features') return [sizedField(kind.features, Buffer.concat(knownFields(features, value)))];
    return knownFields(kind.known, { [name]: value });
  }

  #custom(extendee: string, name: string, value: unknown, place: OptionPlace): Uint8Array[] {
    const asked = name.slice(1, name.lastIndexOf(')'));
    const full = this.#names.find(asked, place.scope, this.#names.extensions);
    const extension = full === undefined ? undefined : this.#names.extensions.get(full);
    if (extension === undefined) throw unreadable(place, name, 'no file declares it that is imported');
    const { field, scope } = extension;
    const extended = this.#names.find(field.extend ?? '', scope, this.#names.types);
    if (extended !== extendee) throw unreadable(place, name, `it extends ${field.extend}, not ${extendee}`);
    return this.#field(field, scope, value, { ...place, name }, 0);
  }

  #field(field: Field, scope: string, value: unknown, at: ValuePlace, depth: number): Uint8Array[] {
    if (depth > deepest) throw unreadable(at, at.name, 'it is nested too deep');
    if (Array.isArray(value)) return value.flatMap((each) => this.#field(field, scope, each, at, depth + 1));
    const { id, type } = field;
    if (field instanceof this.#library.MapField) {
      const { key, value: content } = { key: undefined, value: undefined, ...(isObject(value) ? value : {}) };
      const parts = [
        ...(key === undefined ? [] : scalar(1, field.keyType, key, at)),
        ...(content === undefined ? [] : this.#typed(2, type, scope, content, at, depth)),
      ];
      return [sizedField(id, Buffer.concat(parts))];
    }
    return this.#typed(id, type, scope, value, at, depth);
  }

  #typed(
    number: number,
    type: string,
    scope: string,
    value: unknown,
    at: ValuePlace,
    depth: number,
  ): Uint8Array[] {
    if (scalarTypes.has(type)) return scalar(number, type, value, at);
    const { name, isEnum } = this.#names.typeOf(type, scope, at.file);
    const values = isEnum ? this.#names.enums.get(name) : undefined;
    if (values !== undefined) return [numberField(number, enumValue(values, value, at))];
    const message = this.#names.types.get(name);
    if (message === undefined || !isObject(value))
      throw unreadable(at, at.name, `a value of it is no ${name}`);
    const parts = Object.entries(value).flatMap(([member, each]: [string, unknown]) => {
      const found = this.#member(message, name, member, at);
      // Sources of another version than their options are common. That the option is set matters, and that stays so.
      return found === undefined ? [unreadMember] : this.#field(...found, each, at, depth + 1);
    });
    return [sizedField(number, Buffer.concat(parts))];
  }

  #member(
    message: Type,
    fullName: string,
    member: string,
    at: ValuePlace,
  ): readonly [field: Field, scope: string] | undefined {
    const bracket = /^[[(]([\w.]+)[\])]$/.exec(member)?.[1];
    if (bracket !== undefined) {
      const name = this.#names.find(bracket, at.scope, this.#names.extensions);
      const extension = name === undefined ? undefined : this.#names.extensions.get(name);
      if (extension !== undefined) return [extension.field, extension.scope];
    }
    const field = message.fieldsArray.find(({ name }) => name === member);
    return field === undefined ? undefined : [field, fullName];
  }
}

interface ValuePlace extends OptionPlace {
  /** Of the option, as written. */
  readonly name: string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Options that need no declaration. What is not known here says nothing that matters to what is on the wire. */
function knownFields(options: KnownOptions, values: unknown): Uint8Array[] {
  if (!isObject(values)) return [];
  return Object.entries(values).flatMap(([name, value]) => {
    const [number, names] = options.get(name) ?? [];
    if (number === undefined) return [];
    if (names === undefined) return [numberField(number, value === true || value === 'true')];
    const index = names.indexOf(String(value));
    return index > 0 ? [numberField(number, index)] : [];
  });
}

function enumValue({ values }: Enum, value: unknown, at: ValuePlace): number {
  const number: unknown = typeof value === 'number' ? value : Reflect.get(values, String(value));
  if (typeof number === 'number') return number;
  throw unreadable(at, at.name, 'its enum has no such value');
}

const scalarTypes: ReadonlySet<string> = new Set([
  'double',
  'float',
  'int64',
  'uint64',
  'int32',
  'uint32',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]);

function scalar(number: number, type: string, value: unknown, at: ValuePlace): Uint8Array[] {
  if (type === 'string' || type === 'bytes') {
    if (typeof value === 'string') return [sizedField(number, value)];
  } else if (type === 'bool') {
    if (typeof value === 'boolean') return [numberField(number, value)];
  } else if (typeof value === 'number') return [numeric(number, type, value)];
  throw unreadable(at, at.name, `its value is no ${type}`);
}

function numeric(number: number, type: string, value: number): Uint8Array {
  const bytes = Buffer.alloc(type === 'float' || type.endsWith('fixed32') ? 4 : 8);
  if (type === 'double') bytes.writeDoubleLE(value);
  else if (type === 'float') bytes.writeFloatLE(value);
  else {
    const whole = BigInt(Number.isFinite(value) ? Math.trunc(value) : 0);
    if (type.endsWith('fixed64')) bytes.writeBigUInt64LE(BigInt.asUintN(64, whole));
    else if (type.endsWith('fixed32')) bytes.writeUInt32LE(Number(BigInt.asUintN(32, whole)));
    else return numberField(number, type.startsWith('sint') ? zigzag(whole) : whole);
  }
  return fixedField(number, bytes);
}

function unreadable({ file, scope }: OptionPlace, name: string, why: string): GardenhoseError {
  return new GardenhoseError(
    'schema-invalid',
    `${file}: the option ${name.slice(0, 200)} in ${scope.slice(0, 200)} cannot be read: ${why}. If a compiler takes it, give what protoc or buf makes of the file`,
    { subject: file },
  );
}
