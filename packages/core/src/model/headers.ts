/**
 * Headers, trailers or gRPC metadata as they stood on the wire: name, value, name, value, in order, in their own case,
 * repeats kept. Each character is one byte (latin1), as Node's `rawHeaders` has them.
 */
export type HeaderList = readonly string[];

/** The values of every header of this name, in order; the name in any case. */
export function headerValues(headers: HeaderList, name: string): string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  // Pairs by index here and below: these run several times for each exchange, and an entry is an object.
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isName(headers[i], wanted)) values.push(headers[i + 1] ?? '');
  }
  return values;
}

/** The value of the first header of this name, if there is one; the name in any case. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isName(headers[i], wanted)) return headers[i + 1];
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
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isName(headers[i], unwanted)) kept.push(headers[i] ?? '', headers[i + 1] ?? '');
  }
  return kept;
}

/** The list with this header set once: in the place of the first of its name, or at the end. */
export function withHeader(headers: HeaderList, name: string, value: string): HeaderList {
  const wanted = name.toLowerCase();
  const out: string[] = [];
  let placed = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const key = headers[i] ?? '';
    if (!isName(key, wanted)) out.push(key, headers[i + 1] ?? '');
    else if (!placed) {
      out.push(key, value);
      placed = true;
    }
  }
  if (!placed) out.push(name, value);
  return out;
}

/** Whether a name in any case is this one, which is in lower case. Names of other lengths are told at a glance. */
function isName(name: string | undefined, lower: string): boolean {
  return name !== undefined && name.length === lower.length && name.toLowerCase() === lower;
}
