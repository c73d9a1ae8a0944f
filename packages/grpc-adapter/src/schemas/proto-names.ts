import { GardenhoseError } from '@gardenhose/core';
import type { Enum, Field, NamespaceBase, Type } from 'protobufjs';
import type { ProtoFile } from './proto-files.ts';
import type { ProtoLibrary } from './proto-library.ts';

/** An extension, and where it was declared. */
export interface DeclaredExtension {
  readonly field: Field;
  readonly scope: string;
}

/** All that the files declare, by full names without a dot before them. Where two declare one name, the first holds. */
export class ProtoNames {
  readonly types: Map<string, Type> = new Map<string, Type>();
  readonly enums: Map<string, Enum> = new Map<string, Enum>();
  readonly extensions: Map<string, DeclaredExtension> = new Map<string, DeclaredExtension>();
  readonly #library: ProtoLibrary;

  constructor(files: readonly ProtoFile[], library: ProtoLibrary) {
    this.#library = library;
    for (const file of files) this.#declare(namespaceOf(file), file.package);
  }

  #declare(within: NamespaceBase, scope: string): void {
    const { Type, Enum, Field } = this.#library;
    for (const each of within.nestedArray) {
      const name = inside(scope, each.name);
      if (each instanceof Type) {
        putNew(this.types, name, each);
        this.#declare(each, name);
      } else if (each instanceof Enum) putNew(this.enums, name, each);
      else if (each instanceof Field) putNew(this.extensions, name, { field: each, scope });
    }
  }

  /** The full name of what a name means, which is looked up from the inside out unless it begins with a dot. */
  find(name: string, scope: string, among: ReadonlyMap<string, unknown>): string | undefined {
    if (name.startsWith('.')) return among.has(name.slice(1)) ? name.slice(1) : undefined;
    for (let around = scope; ; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
      const full = inside(around, name);
      if (among.has(full)) return full;
      if (around === '') return undefined;
    }
  }

  /** @throws GardenhoseError `schema-invalid` when nothing has the name */
  typeOf(name: string, scope: string, file: string): { readonly name: string; readonly isEnum: boolean } {
    const type = this.find(name, scope, this.types);
    const values = this.find(name, scope, this.enums);
    // The one further inside.
    if (type !== undefined && type.length >= (values?.length ?? 0)) return { name: type, isEnum: false };
    if (values !== undefined) return { name: values, isEnum: true };
    throw new GardenhoseError(
      'schema-invalid',
      `${file}: ${scope.slice(0, 200)} has something of the type ${name.slice(0, 200)}, which no file declares that is imported`,
      { subject: file },
    );
  }
}

/** What stands in a file itself. */
export function namespaceOf({ root, package: name }: ProtoFile): NamespaceBase {
  let within: NamespaceBase = root;
  for (const part of name === '' ? [] : name.split('.')) {
    const next = within.nestedArray.find((each) => each.name === part);
    if (next === undefined || !('nestedArray' in next)) break;
    within = next as NamespaceBase;
  }
  return within;
}

export const inside = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`);

function putNew<T>(map: Map<string, T>, name: string, value: T): void {
  if (!map.has(name)) map.set(name, value);
}
