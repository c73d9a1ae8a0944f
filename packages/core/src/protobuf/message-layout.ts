import type { MessageType } from './descriptor.ts';
import type { FieldType } from './field-type.ts';
import { type JsonForm, jsonForms } from './json-forms.ts';
import { anyType } from './known-types.ts';

/** A field as the view of a message has it. */
export interface ViewField extends FieldType {
  /** Its name in the view: of an extension, `[full.name]`. */
  readonly key: string;
  /** What stands in the view of its entries, where it is a map. */
  readonly entry: { readonly key: FieldType; readonly value: FieldType } | undefined;
  /** It stands in an item of its own, behind its number. */
  readonly inMessageSet: boolean;
}

/** How messages of a type are viewed. */
export interface MessageLayout {
  readonly type: MessageType;
  readonly isAny: boolean;
  /** Of types that have a JSON form of their own. */
  readonly form: JsonForm | undefined;
  readonly byNumber: ReadonlyMap<number, ViewField>;
  readonly byKey: ReadonlyMap<string, ViewField>;
  /** Fields that are told without being set: lists, maps, and those whose default value says the same. */
  readonly unset: readonly ViewField[];
}

const layouts = new WeakMap<MessageType, MessageLayout>();

/** Knows messages by their full names. */
export interface MessageTypes {
  message(fullName: string): MessageType | undefined;
}

/** The layout of a message; undefined when it is not known. */
export function layoutOf(types: MessageTypes, fullName: string): MessageLayout | undefined {
  const type = types.message(fullName);
  if (type === undefined) return undefined;
  const known = layouts.get(type);
  if (known !== undefined) return known;
  const layout = makeLayout(type, types);
  layouts.set(type, layout);
  return layout;
}

/** Of fields of one number or one name, the first holds. */
function makeLayout(type: MessageType, types: MessageTypes): MessageLayout {
  const byNumber = new Map<number, ViewField>();
  const byKey = new Map<string, ViewField>();
  const form = jsonForms.get(type.fullName);
  for (const field of type.fields) {
    const key = form?.names[field.number] ?? (field.isExtension ? `[${field.fullName}]` : field.name);
    if (byNumber.has(field.number) || byKey.has(key)) continue;
    const entry = entryOf(field, types);
    // Maps are never written as groups, whatever their file says.
    const delimited = field.delimited && entry === undefined && !type.isMapEntry;
    const view = { ...field, key, entry, inMessageSet: type.isMessageSet, delimited };
    byNumber.set(field.number, view);
    byKey.set(key, view);
  }
  return {
    type,
    isAny: type.fullName === anyType,
    form,
    byNumber,
    byKey,
    unset: [...byKey.values()].filter((field) => !field.presence && !type.isMessageSet),
  };
}

function entryOf(field: FieldType, types: MessageTypes): ViewField['entry'] {
  if (!field.repeated || field.type !== 'message') return undefined;
  const type = types.message(field.typeName);
  if (type?.isMapEntry !== true) return undefined;
  const key = type.fields.find(({ number }) => number === 1);
  const value = type.fields.find(({ number }) => number === 2);
  if (key === undefined || value === undefined || key.kind === 'message') return undefined;
  return { key, value: { ...value, delimited: false } };
}
