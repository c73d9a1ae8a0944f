/** A header of a part, and where its line or lines stand. */
export interface PartHeader {
  readonly name: string;
  /** One character per byte; lines that were folded are joined by a space. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** One part of a multipart body. All places are those of bytes in the body. */
export interface Part {
  readonly headers: readonly PartHeader[];
  readonly contentStart: number;
  readonly contentEnd: number;
}

/** A delimiter and the padding behind it, without its line ends. */
export interface Delimiter {
  readonly start: number;
  readonly end: number;
}

export interface Multipart {
  readonly parts: readonly Part[];
  /** One before each part, and the closing one. */
  readonly delimiters: readonly Delimiter[];
}

const mostParts = 2000;
const mostHeaders = 64;
const longestHeaders = 16 * 1024;
const headerName = /^[!#$%&'*+.^_`|~\w-]{1,100}$/;
const cr = 0x0d;
const lf = 0x0a;

/**
 * Takes `bytes[start..end)` apart as RFC 2046 says, section 5.1.1. Undefined where readers could take it apart in more
 * than one way: whatever begins like a delimiter must be one, lines end in CR LF, and the closing delimiter is there.
 */
export function readMultipart(
  bytes: Buffer,
  start: number,
  end: number,
  boundary: string,
): Multipart | undefined {
  const delimiters = findDelimiters(bytes, start, end, Buffer.from(`--${boundary}`, 'latin1'));
  if (delimiters === undefined) return undefined;
  const parts: Part[] = [];
  for (const [i, { end: before }] of delimiters.slice(0, -1).entries()) {
    const part = readPart(bytes, before + 2, (delimiters[i + 1]?.start ?? 0) - 2);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return { parts, delimiters };
}

function findDelimiters(bytes: Buffer, start: number, end: number, mark: Buffer): Delimiter[] | undefined {
  const found: Delimiter[] = [];
  const body = bytes.subarray(0, end);
  for (let at = body.indexOf(mark, start); at >= 0; at = body.indexOf(mark, at + 1)) {
    if (at > start && bytes[at - 1] !== lf) continue;
    if (at > start && (at < start + 2 || bytes[at - 2] !== cr)) return undefined;
    let stop = at + mark.length;
    const closes = bytes[stop] === 0x2d && bytes[stop + 1] === 0x2d && stop + 2 <= end;
    if (closes) stop += 2;
    while (stop < end && (bytes[stop] === 0x20 || bytes[stop] === 0x09)) stop++;
    const lineEnds = stop + 2 <= end && bytes[stop] === cr && bytes[stop + 1] === lf;
    if (!lineEnds && !(closes && stop === end)) return undefined;
    if (found.length > mostParts) return undefined;
    found.push({ start: at, end: stop });
    if (closes) return found;
  }
  return undefined;
}

function readPart(bytes: Buffer, start: number, end: number): Part | undefined {
  const headers: PartHeader[] = [];
  let at = start;
  // The line end before the delimiter is not the part's: the empty line needs one of its own.
  while (at + 1 < end) {
    const stop = lineStop(bytes, at, end);
    if (stop < 0 || at - start > longestHeaders || headers.length > mostHeaders) return undefined;
    if (stop === at) return { headers, contentStart: at + 2, contentEnd: end };
    const header = readHeader(bytes, at, stop, end);
    if (header === undefined) return undefined;
    headers.push(header);
    at = header.end;
  }
  return undefined;
}

/** Where the line that begins here ends, before its CR LF. A CR or LF alone is none, and nothing that a header holds. */
function lineStop(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at + 1 < end; at++) {
    const code = bytes[at];
    if (code === lf || code === 0) return -1;
    if (code === cr) return bytes[at + 1] === lf ? at : -1;
  }
  return -1;
}

function readHeader(bytes: Buffer, start: number, firstStop: number, end: number): PartHeader | undefined {
  const [name = '', ...rest] = bytes.toString('latin1', start, firstStop).split(':');
  if (!headerName.test(name) || rest.length === 0) return undefined;
  let value = rest.join(':').trim();
  let next = firstStop + 2;
  while (next < end && (bytes[next] === 0x20 || bytes[next] === 0x09)) {
    const stop = lineStop(bytes, next, end);
    if (stop < 0) return undefined;
    value += ` ${bytes.toString('latin1', next, stop).trim()}`;
    next = stop + 2;
  }
  return { name, value, start, end: next };
}
