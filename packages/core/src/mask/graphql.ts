const looksLike = /^(?:\s|#[^\n]*\n)*(?:(?:query|mutation|subscription|fragment)\b[^{]*\{|\{\s*[A-Za-z_]\w*)/;

/** Whether a text seems to be a GraphQL document with something in it that is worth a look. */
export function isGraphql(text: string): boolean {
  return (text.includes('"') || text.includes('#')) && looksLike.test(text.slice(0, 2000));
}

/** What stands for a string literal, given the name of the argument or field that it belongs to. */
export type MaskLiteral = (argument: string, text: string) => string;

/**
 * The document with its string literals masked and its comments taken out; undefined when it cannot be read. Numbers
 * and enums stay: they shape the answer.
 */
export function maskGraphql(text: string, maskLiteral: MaskLiteral): string | undefined {
  let out = '';
  let argument = '';
  const token = /#[^\n\r]*|"""(?:[^"\\]|\\"""|\\|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*"|([A-Za-z_]\w*)|[^"#]/gsy;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (match === null) return undefined;
    const [piece, name] = match;
    if (name !== undefined) {
      argument = name;
      out += piece;
    } else if (piece.startsWith('"')) out += maskedLiteral(piece, argument, maskLiteral);
    else if (!piece.startsWith('#')) out += piece;
  }
  return out;
}

function maskedLiteral(piece: string, argument: string, maskLiteral: MaskLiteral): string {
  const block = piece.startsWith('"""');
  const inside = block ? piece.slice(3, -3) : piece.slice(1, -1);
  if (inside === '') return piece;
  const masked = maskLiteral(argument, unescaped(inside, block));
  return /^[\w.@+-]*$/.test(masked) ? `"${masked}"` : JSON.stringify(masked);
}

/** The text of a literal, so that it gives the same token as elsewhere; as it stands when it has odd escapes. */
function unescaped(inside: string, block: boolean): string {
  if (block) return inside.trim();
  if (!inside.includes('\\')) return inside;
  try {
    const text: unknown = JSON.parse(`"${inside}"`);
    return typeof text === 'string' ? text : inside;
  } catch {
    return inside;
  }
}
