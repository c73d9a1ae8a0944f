/** Longest boundary that RFC 2046 allows. */
const longestBoundary = 70;

/**
 * What stands between the parts of a masked body, whatever stood there before: senders put what they like into a
 * boundary. No boundary of one depth is the beginning of another's, since readers compare beginnings.
 *
 * @param depth - 0 for a body; a multipart within a part is one deeper
 */
export function maskedBoundary(depth: number): string {
  return `gardenhose-boundary-${depth}`;
}

/** The boundary that a `Content-Type` names; undefined when it names none, several, or one that cannot be used. */
export function boundaryOf(contentType: string): string | undefined {
  let found: string | undefined;
  for (const parameter of parametersOf(contentType)) {
    if (!/^\s*boundary/i.test(parameter)) continue;
    const [, quoted, bare] = /^\s*boundary=(?:"([^"\\]*)"|([\w'()+,./:=?-]+))\s*$/i.exec(parameter) ?? [];
    const boundary = quoted ?? bare;
    if (found !== undefined || boundary === undefined) return undefined;
    if (boundary === '' || boundary.length > longestBoundary || !/^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary))
      return undefined;
    found = boundary;
  }
  return found;
}

/**
 * The value of a `Content-Type` with the boundary of the masked body in place of its own, and nothing left of that,
 * however it is written. Other parameters are left to the caller.
 */
export function withMaskedBoundary(contentType: string, depth = 0): string {
  if (!/boundary/i.test(contentType)) return contentType;
  const kept: string[] = [];
  for (const [i, piece] of parametersOf(contentType).entries()) {
    const named = piece.search(/boundary/i);
    if (named < 0) kept.push(piece);
    // A parameter that only mentions one is broken: what comes before stays.
    else if (i === 0 || piece.slice(0, named).trim() !== '') kept.push(piece.slice(0, named).trimEnd());
  }
  return `${kept.join(';')}; boundary=${maskedBoundary(depth)}`;
}

/** The type and its parameters; `;` within quotes parts nothing. */
function parametersOf(contentType: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < contentType.length; i++) {
    const char = contentType[i];
    if (char === '"') quoted = !quoted;
    else if (char === '\\' && quoted) i++;
    else if (char === ';' && !quoted) {
      pieces.push(contentType.slice(start, i));
      start = i + 1;
    }
  }
  pieces.push(contentType.slice(start));
  return pieces;
}
