import { SchemaSet, schemaLimits } from '../model/schema-set.ts';
import {
  type DescriptorSink,
  type Extension,
  type MessagePlace,
  type MessageType,
  readDescriptors,
  readMessage,
} from './descriptor.ts';
import type { Place } from './descriptor-reader.ts';
import { type EnumType, readEnum } from './enum-type.ts';
import type { FieldType } from './field-type.ts';
import { builtInSchema } from './known-types.ts';
import { MalformedWire, malformed } from './wire.ts';

/** What goes in and out of a method: full names of messages. */
export interface MethodTypes {
  readonly request: string;
  readonly response: string;
}

const fieldOptions = 'google.protobuf.FieldOptions';
const debugRedact = 16;

/**
 * The messages, extensions and methods of schemas, by their full names and by those alone. Where two schemas describe one name, the
 * first holds. A message is read when it is asked for.
 *
 * @example
 * const registry = new SchemaRegistry();
 * registry.add(readFileSync('shop.binpb'));
 * registry.method('/shop.Orders/Get'); // { request: 'shop.GetOrder', response: 'shop.Order' }
 */
export class SchemaRegistry {
  /** Counts up with each schema that brought something: what was compiled before may lack it. */
  version = 0;
  readonly #seen = new SchemaSet();
  readonly #messages = new Map<string, MessagePlace>();
  readonly #enums = new Map<string, Place>();
  readonly #methods = new Map<string, MethodTypes>();
  /** For each method, whether all that describe it say that it changes nothing. */
  readonly #changesNothing = new Map<string, boolean>();
  /** By what they extend, and their numbers. */
  readonly #extensions = new Map<string, Map<number, FieldType>>();
  readonly #read = new Map<string, MessageType | undefined>();
  readonly #readEnums = new Map<string, EnumType | undefined>();
  #declarations = 0;

  constructor() {
    this.#index(builtInSchema);
  }

  /** How many different schemas were taken. */
  get schemaCount(): number {
    return this.#seen.size;
  }

  /** How many messages are known, without the few that every registry knows. */
  get messageCount(): number {
    return this.#messages.size - builtInMessages;
  }

  get methodCount(): number {
    return this.#methods.size;
  }

  /** Full names of all messages. */
  messageNames(): Iterable<string> {
    return this.#messages.keys();
  }

  /**
   * Takes a serialised `google.protobuf.FileDescriptorSet`, of which it keeps a copy. Returns false for what is none, or over the
   * limits on schemas; what could be read of it counts.
   */
  add(schema: Uint8Array): boolean {
    const verdict = this.#seen.add(schema);
    if (verdict !== 'new') return verdict === 'known';
    return this.#index(Uint8Array.from(schema));
  }

  /** What a method takes and gives, by its path: `/shop.Orders/Get`. */
  method(path: string): MethodTypes | undefined {
    return this.#methods.get(path);
  }

  /**
   * The methods that change nothing, as `pkg.Service/Method`: those whose option `idempotency_level` is `NO_SIDE_EFFECTS`. What
   * two schemas say differently may change something.
   */
  readOnlyMethods(): string[] {
    return [...this.#changesNothing].filter(([, nothing]) => nothing).map(([path]) => path.slice(1));
  }

  /** A message by its full name, extensions of it among its fields; undefined when it is not known, or its descriptor is broken. */
  message(fullName: string): MessageType | undefined {
    if (this.#read.has(fullName)) return this.#read.get(fullName);
    const place = this.#messages.get(fullName);
    if (place === undefined) return undefined;
    const type = this.#readMessage(fullName, place);
    this.#read.set(fullName, type);
    return type;
  }

  /** An enum by its full name; undefined when it is not known, or its descriptor is broken. */
  enum(fullName: string): EnumType | undefined {
    if (this.#readEnums.has(fullName)) return this.#readEnums.get(fullName);
    const place = this.#enums.get(fullName);
    if (place === undefined) return undefined;
    const type = orUndefined(() => readEnum(fullName, place));
    this.#readEnums.set(fullName, type);
    return type;
  }

  /** Full names of the custom options that are set for a field. */
  optionsOf(field: FieldType): string[] {
    const known = this.#extensions.get(fieldOptions);
    return field.options.flatMap(({ number }) => known?.get(number)?.fullName ?? []);
  }

  /** Whether a field is marked with `debug_redact`, or with a value of an enum that is. */
  isRedacted(field: FieldType): boolean {
    return field.options.some(({ number, value }) => {
      if (number === debugRedact) return true;
      const option = this.#extensions.get(fieldOptions)?.get(number);
      if (option?.type !== 'enum' || !this.#enums.has(option.typeName)) return false;
      const redacted = this.enum(option.typeName)?.redacted;
      // A broken descriptor says nothing that can be trusted; of several values only one is kept.
      return redacted === undefined || (option.repeated ? redacted.size > 0 : redacted.has(value));
    });
  }

  #index(schema: Uint8Array): boolean {
    this.version++;
    this.#read.clear();
    this.#readEnums.clear();
    const extensions: Extension[] = [];
    const methods: Parameters<DescriptorSink['method']>[] = [];
    // Each takes many times the memory that it has bytes in the schema.
    const counted = () => {
      if (++this.#declarations > schemaLimits.declarations) throw malformed;
    };
    const whole = readDescriptors(schema, {
      message: (name, place) => {
        counted();
        putNew(this.#messages, name, place);
      },
      enum: (name, place) => {
        counted();
        putNew(this.#enums, name, place);
      },
      method: (...method) => {
        counted();
        methods.push(method);
      },
      extension: (extension) => {
        counted();
        extensions.push(extension);
      },
    });
    for (const [path, scope, request, response, changesNothing] of methods) {
      this.#changesNothing.set(path, changesNothing && this.#changesNothing.get(path) !== false);
      const types = { request: this.#fullName(request, scope), response: this.#fullName(response, scope) };
      putNew(this.#methods, path, types);
    }
    for (const { scope, extendee, field } of extensions) {
      const name = this.#fullName(extendee, scope);
      const known = this.#extensions.get(name) ?? new Map<number, FieldType>();
      if (known.size === 0) this.#extensions.set(name, known);
      if (!known.has(field.number)) known.set(field.number, this.#resolved(field, scope));
    }
    return whole;
  }

  #resolved(field: FieldType, scope: string): FieldType {
    return field.typeName === '' ? field : { ...field, typeName: this.#fullName(field.typeName, scope) };
  }

  /** Compilers write full names, behind a dot; other tools write names as in the source, which are looked up from the inside out. */
  #fullName(name: string, scope: string): string {
    if (name.startsWith('.')) return name.slice(1);
    for (let around = scope; around !== ''; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
      const full = `${around}.${name}`;
      if (this.#messages.has(full) || this.#enums.has(full)) return full;
    }
    return name;
  }

  #readMessage(fullName: string, place: MessagePlace): MessageType | undefined {
    const type = orUndefined(() => readMessage(fullName, place));
    if (type === undefined) return undefined;
    const fields = type.fields.map((field) => this.#resolved(field, fullName));
    return { ...type, fields: [...fields, ...(this.#extensions.get(fullName)?.values() ?? [])] };
  }
}

/** What reading a descriptor gives; undefined when it is broken. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedWire) return undefined;
    throw error;
  }
}

function putNew<T>(map: Map<string, T>, name: string, value: T): void {
  if (!map.has(name)) map.set(name, value);
}

const builtInMessages = 2;
