import { GardenhoseError, outlineSchema, type SchemaFile, schemaLimits } from '@gardenhose/core';
import { sizedField } from './wire.ts';

const mostNamed = 5;
const longestShown = 200;
const smaller =
  'leave out what the service does not use: give protoc only its own files, or buf the types by --type';

/** Why bytes are no descriptors, and what to do about it. */
interface Origin {
  /** How messages call it. */
  readonly name: string;
  /** What to do where files are missing. */
  readonly whole: string;
}

/**
 * One set of all files, each once, without comments: complete, and within what a recording takes.
 *
 * @throws GardenhoseError `schema-invalid`
 */
export function descriptorSet(files: readonly SchemaFile[], { name, whole }: Origin): Uint8Array {
  const byName = new Map<string, SchemaFile>();
  for (const file of files) if (!byName.has(file.name)) byName.set(file.name, file);
  const kept = [...byName.values()];

  const missing = new Set(kept.flatMap(({ imports }) => imports.filter((each) => !byName.has(each))));
  if (missing.size > 0) {
    const count = missing.size === 1 ? 'a file' : `${missing.size} files`;
    throw invalid(
      `${name} lacks ${count} that others in it import (${listed([...missing])}); ${whole}`,
      name,
    );
  }
  const declarations = kept.reduce((sum, file) => sum + file.declarations, 0);
  if (declarations === 0) throw invalid(`${name} describes nothing: no message, no enum and no method`, name);
  if (declarations > schemaLimits.declarations) {
    throw invalid(
      `${name} declares ${declarations} messages, enums, extensions and methods, at most ${schemaLimits.declarations} are taken; ${smaller}`,
      name,
    );
  }
  const set = Buffer.concat(kept.map(({ descriptor }) => sizedField(1, descriptor)));
  if (set.length > schemaLimits.bytes) {
    throw invalid(
      `${name} has ${set.length} bytes without its comments, at most ${schemaLimits.bytes} are taken; ${smaller}`,
      name,
    );
  }
  return set;
}

/**
 * The files of a set.
 *
 * @throws GardenhoseError `schema-invalid` for what is none
 */
export function filesOf(set: Uint8Array, name: string): SchemaFile[] {
  if (set.length === 0) throw invalid(`${name} is empty, expected a FileDescriptorSet`, name);
  const other = otherKind(set);
  if (other !== undefined) throw invalid(`${name} is ${other}`, name);
  const files = outlineSchema(set);
  if (files === undefined || files.some((file) => file.name === '')) {
    throw invalid(
      `${name} is no FileDescriptorSet, is cut off, or holds a name over 1,000 characters or more than 400,000 declarations; write one with "protoc --include_imports --descriptor_set_out=FILE" or "buf build -o FILE.binpb"`,
      name,
    );
  }
  if (files.length === 0) throw invalid(`${name} holds no file descriptors, though it is protobuf`, name);
  return files;
}

/** What people give in place of a set, told by how it begins. */
function otherKind(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'compressed with gzip; give it uncompressed';
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1');
  // The tag of a set's first file is a line feed, so that must not count as text.
  if (start.startsWith('\n')) return undefined;
  if (/^\s*[{[]/.test(start)) return 'JSON; give the binary form: "buf build -o FILE.binpb", or protoc';
  if (
    /^(?:\xef\xbb\xbf)?\s*(?:\/\/|\/\*|(?:syntax|edition|package|import|option|message|enum|service)\b)/.test(
      start,
    )
  )
    return '.proto source, expected descriptors; give it as .proto file (schemasFromProto), or compile it with protoc or buf';
  if (start.startsWith('\x89HOS')) return 'a capture, expected descriptors';
  return undefined;
}

function listed(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
  const shown = names.slice(0, mostNamed).map((name) => name.slice(0, longestShown));
  return `${shown.join(', ')}${more}`;
}

export function invalid(message: string, subject: string, cause?: unknown): GardenhoseError {
  return new GardenhoseError('schema-invalid', message, { subject, cause });
}
