/** A content out of its transfer encoding, and how it goes back. */
export interface Transferred {
  readonly bytes: Buffer;
  encode(bytes: Buffer): string;
}

const lineLength = 76;

/**
 * Takes the content of a part out of its `Content-Transfer-Encoding` (RFC 2045, section 6). `plain` when it stands as it
 * is, undefined when it cannot be read.
 */
export function decodeTransfer(
  bytes: Buffer,
  start: number,
  end: number,
  encoding: string,
): Transferred | 'plain' | undefined {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case '7bit':
    case '8bit':
    case 'binary':
      return 'plain';
    case 'base64':
      return decodeBase64(bytes.toString('latin1', start, end));
    case 'quoted-printable':
      return decodeQuoted(bytes.toString('latin1', start, end));
    default:
      return undefined;
  }
}

function decodeBase64(text: string): Transferred | undefined {
  const compact = text.replace(/[\r\n\t ]+/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  const bytes = Buffer.from(compact, 'base64');
  // Bits that belong to no byte can hold something too.
  if (bytes.toString('base64') !== compact) return undefined;
  const isWrapped = /[\r\n]/.test(text.trim());
  return {
    bytes,
    encode: (masked) => {
      const all = masked.toString('base64');
      return isWrapped ? (all.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []).join('\r\n') : all;
    },
  };
}

function decodeQuoted(text: string): Transferred | undefined {
  let joined = '';
  const lines = text.split('\r\n');
  for (const [i, line] of lines.entries()) {
    let stop = line.length;
    while (stop > 0 && (line[stop - 1] === ' ' || line[stop - 1] === '\t')) stop--;
    if (line[stop - 1] === '=') joined += line.slice(0, stop - 1);
    else joined += line.slice(0, stop) + (i + 1 < lines.length ? '\r\n' : '');
  }
  if (/=(?![0-9A-Fa-f]{2})/.test(joined)) return undefined;
  const decoded = joined.replace(/=([0-9A-Fa-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return { bytes: Buffer.from(decoded, 'latin1'), encode: quoted };
}

function quoted(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .split('\r\n')
    .map((line) => softBroken(line.replace(/[^\t\x20-\x3c\x3e-\x7e]|[ \t]$/g, escaped)))
    .join('\r\n');
}

function softBroken(line: string): string {
  let out = '';
  let from = 0;
  while (line.length - from > lineLength) {
    let to = from + lineLength - 1;
    // A code of three characters stays in one piece.
    if (line[to - 1] === '=') to -= 1;
    else if (line[to - 2] === '=') to -= 2;
    out += `${line.slice(from, to)}=\r\n`;
    from = to;
  }
  return out + line.slice(from);
}

function escaped(char: string): string {
  return `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
