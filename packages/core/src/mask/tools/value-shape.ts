import { tokenType } from '../value/tokens.ts';

/** What a value looks like, without telling it. */
export type ValueShape =
  | 'boolean'
  | 'number'
  | 'date'
  | 'uuid'
  | 'hex'
  | 'random'
  | 'digits'
  | 'word'
  | 'text'
  | 'token'
  | 'other';

const longest = 256;
/** The first that fits. */
const shapes: readonly (readonly [shape: ValueShape, pattern: RegExp])[] = [
  ['boolean', /^(?:true|false|null|yes|no|on|off|)$/i],
  ['number', /^-?\d{1,9}(?:\.\d{1,12})?$/],
  ['date', /^\d{4}-\d\d-\d\d(?:[T ][\d:.]{5,20}(?:Z|[+-]\d\d:?\d\d)?)?$/],
  ['uuid', /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i],
  ['hex', /^(?=.*\d)(?=.*[a-f])[0-9a-f]{16,}$/i],
  ['random', /^(?=.*\d)(?=.*[A-Za-z])[\w+/=.~-]{20,}$/],
  ['digits', /^\+?\d[\d ()./-]{5,23}$/],
  ['word', /^[\w.:/-]{1,32}$/],
  ['text', /\s/],
];

export function valueShape(value: string): ValueShape {
  const text = value.slice(0, longest);
  if (tokenType(text) !== undefined) return 'token';
  return shapes.find(([, pattern]) => pattern.test(text))?.[0] ?? 'other';
}
