/** One parameter of a `Content-Disposition`. */
export interface DispositionParameter {
  readonly name: string;
  readonly value: string;
}

/** What a `Content-Disposition` says of a part. */
export interface Disposition {
  readonly type: string;
  readonly parameters: readonly DispositionParameter[];
}

const typePattern = /\s*([A-Za-z-]{1,40})\s*/y;
const parameterPattern =
  /;\s*([\w!#$&+.^`|~*-]{1,60})\s*=\s*(?:"((?:[^"\\\r\n]|\\[^\r\n])*)"|([^\s;"=]+))\s*/y;

/** Reads a `Content-Disposition` (RFC 6266); undefined when it is not to the letter one, since what is what is not clear then. */
export function readDisposition(text: string): Disposition | undefined {
  typePattern.lastIndex = 0;
  const type = typePattern.exec(text)?.[1];
  if (type === undefined) return undefined;
  const parameters: DispositionParameter[] = [];
  let at = typePattern.lastIndex;
  while (at < text.length) {
    parameterPattern.lastIndex = at;
    const match = parameterPattern.exec(text);
    if (match === null) return undefined;
    const [, name = '', quoted, bare = ''] = match;
    parameters.push({ name: name.toLowerCase(), value: quoted?.replace(/\\(["\\])/g, '$1') ?? bare });
    at = parameterPattern.lastIndex;
  }
  return { type: type.toLowerCase(), parameters };
}

/** The text of a value of `filename*`: charset and language are left out, percent codes decoded where they can be. */
export function extendedValue(value: string): string {
  const bare = value.replace(/^[\w-]*'[\w-]*'/, '');
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}
