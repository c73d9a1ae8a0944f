/**
 * Headers, trailers or gRPC metadata as they stood on the wire: name, value, name, value, in order, in their own case,
 * repeats kept. Each character is one byte (latin1), as Node's `rawHeaders` has them.
 */
export type HeaderList = readonly string[];

/** The values of every header of this name, in order; the name in any case. */
export function headerValues(headers: HeaderList, name: string): string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  for (const [key, value] of headerEntries(headers)) {
    if (key.toLowerCase() === wanted) values.push(value);
  }
  return values;
}

/** The value of the first header of this name, if there is one; the name in any case. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (const [key, value] of headerEntries(headers)) {
    if (key.toLowerCase() === wanted) return value;
  }
  return undefined;
}

/** The name and value pairs, in order. A name without a value, which no tap emits, is left out. */
export function* headerEntries(headers: HeaderList): Generator<readonly [name: string, value: string]> {
  for (let i = 0; i + 1 < headers.length; i += 2) yield [headers[i] ?? '', headers[i + 1] ?? ''];
}

/** The list without any header of this name. */
export function withoutHeader(headers: HeaderList, name: string): HeaderList {
  const unwanted = name.toLowerCase();
  const kept: string[] = [];
  for (const [key, value] of headerEntries(headers)) {
    if (key.toLowerCase() !== unwanted) kept.push(key, value);
  }
  return kept;
}

/** The list with this header set once: in the place of the first of its name, or at the end. */
export function withHeader(headers: HeaderList, name: string, value: string): HeaderList {
  const wanted = name.toLowerCase();
  const out: string[] = [];
  let placed = false;
  for (const [key, old] of headerEntries(headers)) {
    if (key.toLowerCase() !== wanted) out.push(key, old);
    else if (!placed) {
      out.push(key, value);
      placed = true;
    }
  }
  if (!placed) out.push(name, value);
  return out;
}
