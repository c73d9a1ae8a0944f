import { isJsonObject, type JsonObject, type JsonValue } from '../model/json-value.ts';

/** A type that stands in JSON as something other than its fields (proto3 JSON mapping). */
export interface JsonForm {
  /** What stands for a message of these fields; undefined when nothing can that leads back to it. */
  to(fields: JsonObject): JsonValue | undefined;
  /** The fields of what stands in JSON; undefined when it is no such message. */
  from(value: JsonValue): JsonObject | undefined;
  /** Holds values of other types: where one of them has no JSON form, it has none. */
  readonly holdsValues: boolean;
  /** Its fields by their numbers: some tools write other names into schemas. */
  readonly names: readonly string[];
}

const firstSecond = -62_135_596_800;
const lastSecond = 253_402_300_799;
const longestDuration = 315_576_000_000;

const timestamp: JsonForm = {
  names: ['', 'seconds', 'nanos'],
  holdsValues: false,
  to({ seconds = '0', nanos = 0 }) {
    const at = Number(seconds);
    if (!(at >= firstSecond && at <= lastSecond) || !isNanos(nanos)) return undefined;
    return `${new Date(at * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
  },
  from(value) {
    const match =
      typeof value === 'string'
        ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(value)
        : null;
    if (match === null) return undefined;
    const [, time = '', digits = '', zone = ''] = match;
    const at = Date.parse(`${time}${zone}`) / 1000;
    // A day that its month does not have is read as one of the next month.
    if (!(at >= firstSecond && at <= lastSecond) || !isDate(time)) return undefined;
    return { seconds: String(at), nanos: Number(digits.padEnd(9, '0')) };
  },
};

const duration: JsonForm = {
  names: ['', 'seconds', 'nanos'],
  holdsValues: false,
  to({ seconds = '0', nanos = 0 }) {
    const whole = Number(seconds);
    if (typeof nanos !== 'number' || !(Math.abs(whole) <= longestDuration) || !isNanos(Math.abs(nanos)))
      return undefined;
    if ((whole < 0 && nanos > 0) || (whole > 0 && nanos < 0)) return undefined;
    return `${whole < 0 || nanos < 0 ? '-' : ''}${Math.abs(whole)}${fraction(Math.abs(nanos))}s`;
  },
  from(value) {
    const match = typeof value === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) : null;
    if (match === null) return undefined;
    const [, sign, whole = '', digits = ''] = match;
    if (Number(whole) > longestDuration) return undefined;
    const nanos = Number(digits.padEnd(9, '0'));
    const seconds = String(Number(whole));
    if (sign === '') return { seconds, nanos };
    return { seconds: seconds === '0' ? '0' : `-${seconds}`, nanos: nanos === 0 ? 0 : -nanos };
  },
};

function isDate(time: string): boolean {
  return new Date(Date.parse(`${time}Z`)).toISOString().startsWith(time);
}

function isNanos(value: JsonValue): value is number {
  return typeof value === 'number' && value >= 0 && value <= 999_999_999;
}

/** With 0, 3, 6 or 9 digits. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  return `.${String(nanos)
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '')}`;
}

const fieldMask: JsonForm = {
  names: ['', 'paths'],
  holdsValues: false,
  to({ paths = [] }) {
    if (!Array.isArray(paths)) return undefined;
    const names: string[] = [];
    for (const path of paths) {
      if (typeof path !== 'string' || path === '' || /[A-Z,]/.test(path)) return undefined;
      const name = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      if (snakeCase(name) !== path) return undefined;
      names.push(name);
    }
    return names.join(',');
  },
  from(value) {
    if (typeof value !== 'string' || value.includes('_')) return undefined;
    return { paths: value === '' ? [] : value.split(',').map(snakeCase) };
  },
};

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const struct: JsonForm = {
  names: ['', 'fields'],
  holdsValues: true,
  to: ({ fields = {} }) => fields,
  from: (value) => (isJsonObject(value) ? { fields: value } : undefined),
};

const listValue: JsonForm = {
  names: ['', 'values'],
  holdsValues: true,
  to: ({ values = [] }) => values,
  from: (value) => (Array.isArray(value) ? { values: value } : undefined),
};

const dynamicValue: JsonForm = {
  names: ['', 'null_value', 'number_value', 'string_value', 'bool_value', 'struct_value', 'list_value'],
  holdsValues: true,
  to(fields) {
    const [kind, ...more] = Object.entries(fields);
    if (kind === undefined || more.length > 0) return undefined;
    const [name, value] = kind;
    // The text of what is no number would be taken for a text.
    const fits =
      (name === 'null_value' && value === null) ||
      (name === 'number_value' && typeof value === 'number') ||
      name === 'string_value' ||
      name === 'bool_value' ||
      name === 'struct_value' ||
      name === 'list_value';
    return fits ? value : undefined;
  },
  from(value): JsonObject {
    if (value === null) return { null_value: null };
    if (typeof value === 'number') return { number_value: value };
    if (typeof value === 'string') return { string_value: value };
    if (typeof value === 'boolean') return { bool_value: value };
    return Array.isArray(value) ? { list_value: value } : { struct_value: value };
  },
};

const wrapper = (unset: JsonValue): JsonForm => ({
  names: ['', 'value'],
  holdsValues: false,
  to: ({ value = unset }) => value,
  from: (value) => (value === null || typeof value === 'object' ? undefined : { value }),
});

/** The forms by the full names of their types. */
export const jsonForms: ReadonlyMap<string, JsonForm> = new Map([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', struct],
  ['google.protobuf.ListValue', listValue],
  ['google.protobuf.Value', dynamicValue],
  ['google.protobuf.DoubleValue', wrapper(0)],
  ['google.protobuf.FloatValue', wrapper(0)],
  ['google.protobuf.Int64Value', wrapper('0')],
  ['google.protobuf.UInt64Value', wrapper('0')],
  ['google.protobuf.Int32Value', wrapper(0)],
  ['google.protobuf.UInt32Value', wrapper(0)],
  ['google.protobuf.BoolValue', wrapper(false)],
  ['google.protobuf.StringValue', wrapper('')],
  ['google.protobuf.BytesValue', wrapper('')],
]);

/** Shown as null in JSON, which says nothing for other fields. */
export const nullValueType = 'google.protobuf.NullValue';
export const valueType = 'google.protobuf.Value';
