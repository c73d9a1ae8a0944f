import { GardenhoseError } from '@gardenhose/core';
import type { Enum, Field, MapField, NamespaceBase, OneOf, Service, Type } from 'protobufjs';
import type { ProtoFile } from './proto-files.ts';
import type { ProtoLibrary } from './proto-library.ts';
import { inside, namespaceOf, ProtoNames } from './proto-names.ts';
import { type OptionKind, OptionWriter, optionKinds } from './proto-options.ts';
import { numberField, sizedField } from './wire.ts';

/** Numbers of the types of fields, but for those that need a name. */
const scalars: ReadonlyMap<string, number> = new Map([
  ['double', 1],
  ['float', 2],
  ['int64', 3],
  ['uint64', 4],
  ['int32', 5],
  ['fixed64', 6],
  ['fixed32', 7],
  ['bool', 8],
  ['string', 9],
  ['bytes', 12],
  ['uint32', 13],
  ['sfixed32', 15],
  ['sfixed64', 16],
  ['sint32', 17],
  ['sint64', 18],
]);
const kinds = { group: 10, message: 11, enum: 14 };
const labels = { optional: 1, required: 2, repeated: 3 };
const editions: ReadonlyMap<string, number> = new Map([
  ['2023', 1000],
  ['2024', 1001],
  ['2026', 1002],
]);
const mapEntry = 7;
/** Of fields. */
const lastNumber = 2 ** 29 - 1;

/**
 * The descriptors of parsed files, as a compiler would write them: a file each, with its imports, full names of types, and the
 * options of messages, fields and values of enums. Comments, custom options of files, services and methods, and reserved names are left out.
 *
 * @returns the content of each file's `google.protobuf.FileDescriptorProto`
 * @throws GardenhoseError `schema-invalid` for a type or an option that no file declares
 */
export function describeFiles(files: readonly ProtoFile[], library: ProtoLibrary): Uint8Array[] {
  const names = new ProtoNames(files, library);
  const read = new Set(files.map(({ name }) => name));
  return files.map((file) => new FileDescriber(file, names, library).describe(read));
}

class FileDescriber {
  readonly #file: ProtoFile;
  readonly #names: ProtoNames;
  readonly #library: ProtoLibrary;
  readonly #options: OptionWriter;

  constructor(file: ProtoFile, names: ProtoNames, library: ProtoLibrary) {
    this.#file = file;
    this.#names = names;
    this.#library = library;
    this.#options = new OptionWriter(names, library);
  }

  describe(read: ReadonlySet<string>): Uint8Array {
    const { name, package: scope, syntax } = this.#file;
    const within = namespaceOf(this.#file);
    const options = this.#optionsField(8, optionKinds.file, within.parsedOptions, scope);
    const edition = editions.get(syntax);
    return Buffer.concat([
      sizedField(1, name),
      ...(scope === '' ? [] : [sizedField(2, scope)]),
      ...this.#imports(read),
      ...this.#declared(within, scope, { message: 4, enum: 5, extension: 7, service: 6 }),
      ...options,
      ...(syntax === 'proto2' ? [] : [sizedField(12, edition === undefined ? syntax : 'editions')]),
      ...(edition === undefined ? [] : [numberField(14, edition)]),
    ]);
  }

  #imports(read: ReadonlySet<string>): Uint8Array[] {
    const known = this.#file.imports.filter(({ name }) => read.has(name));
    const plain = known.filter(({ kind }) => kind !== 'option');
    return [
      ...plain.map(({ name }) => sizedField(3, name)),
      ...plain.flatMap(({ kind }, i) =>
        kind === 'plain' ? [] : [numberField(kind === 'public' ? 10 : 11, i)],
      ),
      ...known.filter(({ kind }) => kind === 'option').map(({ name }) => sizedField(15, name)),
    ];
  }

  /** What is declared within a file or a message, under the numbers that it has there. */
  #declared(
    within: NamespaceBase,
    scope: string,
    numbers: {
      readonly message: number;
      readonly enum: number;
      readonly extension: number;
      readonly service: number;
    },
  ): Uint8Array[] {
    const { Type, Enum, Field, Service } = this.#library;
    return within.nestedArray.flatMap((each) => {
      const name = inside(scope, each.name);
      if (each instanceof Type) return [sizedField(numbers.message, this.#message(each, name))];
      if (each instanceof Enum) return [sizedField(numbers.enum, this.#enum(each, name))];
      if (each instanceof Field) return [sizedField(numbers.extension, this.#field(each, scope, []))];
      return each instanceof Service ? [sizedField(numbers.service, this.#service(each, name))] : [];
    });
  }

  #message(type: Type, fullName: string): Uint8Array {
    const oneofs = [...type.oneofsArray].sort((a, b) => Number(isSynthetic(a)) - Number(isSynthetic(b)));
    // What extends it from within its own file stands among its fields as well.
    const fields = type.fieldsArray.filter((field) => field.extend === undefined && !field.declaringField);
    const ranges: readonly unknown[] = type.extensions ?? [];
    return Buffer.concat([
      sizedField(1, type.name),
      ...fields.map((field) => sizedField(2, this.#field(field, fullName, oneofs))),
      ...fields.flatMap((field) =>
        field instanceof this.#library.MapField ? [sizedField(3, this.#entry(field, fullName))] : [],
      ),
      ...this.#declared(type, fullName, { message: 3, enum: 4, extension: 6, service: 0 }),
      ...ranges.flatMap((range) => extensionRange(range)),
      ...this.#optionsField(7, optionKinds.message, type.parsedOptions, fullName),
      ...oneofs.map(({ name }) => sizedField(8, sizedField(1, name))),
    ]);
  }

  #field(field: Field, scope: string, oneofs: readonly OneOf[]): Uint8Array {
    const { name, id, rule, extend } = field;
    if (!(id >= 1 && id <= lastNumber)) throw this.#numberOf(inside(scope, name), id);
    const isMap = field instanceof this.#library.MapField;
    const options: Readonly<Record<string, unknown>> = field.options ?? {};
    const oneof = field.partOf === null ? -1 : oneofs.indexOf(field.partOf);
    const label = isMap || rule === 'repeated' ? 'repeated' : rule === 'required' ? 'required' : 'optional';
    return Buffer.concat([
      sizedField(1, name),
      ...(extend === undefined
        ? []
        : [sizedField(2, `.${this.#names.typeOf(extend, scope, this.#file.name).name}`)]),
      numberField(3, id),
      numberField(4, labels[label]),
      ...(isMap
        ? [numberField(5, kinds.message), sizedField(6, `.${inside(scope, entryName(name))}`)]
        : this.#type(field.type, scope)),
      ...('default' in options ? [sizedField(7, String(options.default))] : []),
      ...this.#optionsField(8, optionKinds.field, field.parsedOptions, scope),
      ...(oneof < 0 ? [] : [numberField(9, oneof)]),
      ...(typeof options.json_name === 'string' ? [sizedField(10, options.json_name)] : []),
      ...(options.proto3_optional === true ? [numberField(17, true)] : []),
    ]);
  }

  #numberOf(field: string, id: number): GardenhoseError {
    const { name } = this.#file;
    return new GardenhoseError(
      'schema-invalid',
      `${name}: ${field.slice(0, 200)} has the number ${id}, expected one from 1 to ${lastNumber}`,
      { subject: name },
    );
  }

  #type(name: string, scope: string): Uint8Array[] {
    const scalar = scalars.get(name);
    if (scalar !== undefined) return [numberField(5, scalar)];
    const type = this.#names.typeOf(name, scope, this.#file.name);
    const message = this.#names.types.get(type.name);
    const isGroup = message !== undefined && Reflect.get(message, 'group') === true;
    const kind = type.isEnum ? kinds.enum : isGroup ? kinds.group : kinds.message;
    return [numberField(5, kind), sizedField(6, `.${type.name}`)];
  }

  /** The message that a map is a list of. */
  #entry(field: MapField, scope: string): Uint8Array {
    const part = (name: string, number: number, type: string) =>
      sizedField(
        2,
        Buffer.concat([
          sizedField(1, name),
          numberField(3, number),
          numberField(4, labels.optional),
          ...this.#type(type, scope),
        ]),
      );
    return Buffer.concat([
      sizedField(1, entryName(field.name)),
      part('key', 1, field.keyType),
      part('value', 2, field.type),
      sizedField(7, numberField(mapEntry, true)),
    ]);
  }

  #enum(type: Enum, fullName: string): Uint8Array {
    const scope = fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
    const valuesOptions: Readonly<Record<string, unknown>> = type.valuesOptions ?? {};
    const values = Object.entries(type.values).map(([name, number]) => {
      const options = valuesOptions[name];
      const parsed = Array.isArray(options)
        ? options
        : typeof options === 'object' && options !== null
          ? [options]
          : [];
      return sizedField(
        2,
        Buffer.concat([
          sizedField(1, name),
          numberField(2, number),
          ...this.#optionsField(3, optionKinds.enumValue, parsed, scope),
        ]),
      );
    });
    const own = this.#optionsField(3, optionKinds.enum, type.parsedOptions, scope);
    return Buffer.concat([sizedField(1, type.name), ...values, ...own]);
  }

  #service(service: Service, fullName: string): Uint8Array {
    const { name: file } = this.#file;
    const methods = service.methodsArray.map((method) =>
      sizedField(
        2,
        Buffer.concat([
          sizedField(1, method.name),
          sizedField(2, `.${this.#names.typeOf(method.requestType, fullName, file).name}`),
          sizedField(3, `.${this.#names.typeOf(method.responseType, fullName, file).name}`),
          ...this.#optionsField(4, optionKinds.method, method.parsedOptions, fullName),
          ...(method.requestStream === true ? [numberField(5, true)] : []),
          ...(method.responseStream === true ? [numberField(6, true)] : []),
        ]),
      ),
    );
    return Buffer.concat([sizedField(1, service.name), ...methods]);
  }

  #optionsField(number: number, kind: OptionKind, parsed: unknown, scope: string): Uint8Array[] {
    if (!Array.isArray(parsed)) return [];
    const place = { file: this.#file.name, scope };
    const written = this.#options.write(kind, parsed, place);
    return written.length === 0 ? [] : [sizedField(number, Buffer.concat(written))];
  }
}

/** A oneof that stands for `optional` of proto3. */
function isSynthetic(oneof: OneOf): boolean {
  const [only, other] = oneof.fieldsArray;
  return other === undefined && only?.options?.proto3_optional === true;
}

/** Ranges have an end that is in them, descriptors one that is not. */
function extensionRange(range: unknown): Uint8Array[] {
  if (!Array.isArray(range)) return [];
  const [start, end]: readonly unknown[] = range;
  if (typeof start !== 'number' || typeof end !== 'number') return [];
  return [sizedField(5, Buffer.concat([numberField(1, start), numberField(2, end + 1)]))];
}

/** `line_items` is a list of `LineItemsEntry`. */
function entryName(field: string): string {
  const words = field.split('_').map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`);
  return `${words.join('')}Entry`;
}
