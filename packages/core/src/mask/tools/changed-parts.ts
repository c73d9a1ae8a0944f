import { contentType } from '../body/content-type.ts';
import { type Part, readMultipart } from '../body/multipart.ts';

/** A part of a multipart body as text. */
export interface TextPart {
  /** As its `Content-Disposition` says. */
  readonly name: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
}

/** The parts of a body; undefined of one that is no multipart body by these headers, or cannot be taken apart. */
export function textParts(body: string, headers: readonly string[]): readonly TextPart[] | undefined {
  const { kind, boundary } = contentType(headers);
  if (kind !== 'multipart' || boundary === undefined) return undefined;
  const bytes = Buffer.from(body, 'utf8');
  return readMultipart(bytes, 0, bytes.length, boundary)?.parts.map((part) => textPart(bytes, part));
}

function textPart(bytes: Buffer, { headers, contentStart, contentEnd }: Part): TextPart {
  const disposition = headers.find(({ name }) => name.toLowerCase() === 'content-disposition')?.value ?? '';
  const name = /;\s*name="?([^";]{1,200})/i.exec(disposition)?.[1] ?? '';
  return {
    name,
    headers: headers.map((header) => [header.name, header.value] as const),
    text: bytes.toString('utf8', contentStart, contentEnd),
  };
}
