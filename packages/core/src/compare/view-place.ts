import type { ComparePath, PathStep } from './compare-path.ts';
import type { DifferencePart } from './difference.ts';
import type { ResponseView } from './response-view.ts';

const parts: ReadonlyMap<string, DifferencePart> = new Map([
  ['outcome', 'outcome'],
  ['status', 'status'],
  ['headers', 'header'],
  ['trailers', 'trailer'],
  ['body', 'body'],
]);
// Names in a body can be as long as the body, and stand in the pointer of everything below them.
const maxPointer = 4_096;

/** A place in the recorded view, and what stands there. */
export interface Place {
  readonly path: ComparePath;
  readonly recorded: unknown;
}

/** The place that a JSON Pointer (RFC 6901) leads to; one that is very long is told as the whole body. */
export function placeOf(view: ResponseView, pointer: string): Place {
  if (pointer.length > maxPointer) return { path: { part: 'body', steps: [] }, recorded: undefined };
  const [top = '', ...names] = namesOf(pointer);
  let value: unknown = memberOf(view, top);
  const part = parts.get(top) ?? 'body';
  const steps: PathStep[] = [];
  for (const name of names) {
    steps.push({ name, inList: Array.isArray(value) });
    value = memberOf(value, name);
  }
  const path: ComparePath =
    part === 'header' || part === 'trailer' ? { part, header: names[0], steps: [] } : { part, steps };
  return { path, recorded: value };
}

/** What stands at a JSON Pointer; undefined when nothing does. */
export function valueAt(view: ResponseView, pointer: string): unknown {
  let value: unknown = view;
  for (const name of namesOf(pointer)) value = memberOf(value, name);
  return value;
}

function namesOf(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((name) => name.replace(/~1/g, '/').replace(/~0/g, '~'));
}

function memberOf(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
