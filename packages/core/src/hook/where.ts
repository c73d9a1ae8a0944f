import type { Direction, Protocol } from '../model/event.ts';
import type { Mark } from '../model/exchange.ts';
import { type HeaderList, headerValues } from '../model/headers.ts';
import { matchesGlob, splitTarget } from './path-pattern.ts';
import type { Where } from './rule.ts';

/** What is known of an exchange when a rule is asked. */
export interface Facts {
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly method: string;
  readonly target: string;
  readonly operation?: string | undefined;
  /** Of the request. */
  readonly headers: HeaderList;
  readonly status?: number | undefined;
  readonly marks: readonly Mark[];
}

/** Whether an exchange of which this is known is one that `where` means. */
export function whereMatches(where: Where | undefined, facts: Facts): boolean {
  if (where === undefined) return true;
  return (
    (where.direction === undefined || where.direction === facts.direction) &&
    (where.protocol === undefined || where.protocol === facts.protocol) &&
    any(where.method, (method) => method.toUpperCase() === facts.method.toUpperCase()) &&
    any(where.path, (glob) => matchesGlob(glob, splitTarget(facts.target).path)) &&
    any(where.operation, (glob) => facts.operation !== undefined && matchesGlob(glob, facts.operation)) &&
    (where.header === undefined || headerMatches(where.header, facts.headers)) &&
    any(where.status, (status) => statusMatches(status, facts.status)) &&
    (where.mark === undefined || markMatches(where.mark, facts.marks))
  );
}

function any<T extends string | number>(
  wanted: T | readonly T[] | undefined,
  holds: (one: T) => boolean,
): boolean {
  if (wanted === undefined) return true;
  return isList(wanted) ? wanted.some(holds) : holds(wanted);
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function headerMatches(wanted: NonNullable<Where['header']>, headers: HeaderList): boolean {
  return headerValues(headers, wanted.name).some(
    (value) =>
      (wanted.equals === undefined || wanted.equals === value) &&
      (wanted.matches === undefined || matchesGlob(wanted.matches, value)),
  );
}

function statusMatches(wanted: number | string, status: number | undefined): boolean {
  if (status === undefined) return false;
  return typeof wanted === 'number' ? wanted === status : wanted.charAt(0) === String(status).charAt(0);
}

function markMatches(wanted: NonNullable<Where['mark']>, marks: readonly Mark[]): boolean {
  return marks.some(
    (mark) => mark.name === wanted.name && (wanted.value === undefined || wanted.value === mark.value),
  );
}
