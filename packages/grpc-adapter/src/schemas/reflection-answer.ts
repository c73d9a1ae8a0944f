import { outlineSchema, type SchemaFile } from '@gardenhose/core';
import { eachField, MalformedWire, textAt, wire } from '@gardenhose/core/adapter';
import { sizedField } from './wire.ts';

// The messages of grpc.reflection.v1.ServerReflection; those of v1alpha are the same.

export const listServices: Uint8Array = sizedField(7, '*');
export const fileByName = (name: string): Uint8Array => sizedField(3, name);
export const fileWithSymbol = (name: string): Uint8Array => sizedField(4, name);

/** What a server answers. */
export type ReflectionAnswer =
  | { readonly kind: 'services'; readonly names: readonly string[] }
  | { readonly kind: 'files'; readonly files: readonly SchemaFile[] }
  /** With the code of a status. */
  | { readonly kind: 'error'; readonly code: number };

/** Undefined when the bytes are no answer, or files in it no descriptors. */
export function readAnswer(bytes: Uint8Array): ReflectionAnswer | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof MalformedWire) return undefined;
    throw error;
  }
}

function decode(bytes: Uint8Array): ReflectionAnswer | undefined {
  let answer: ReflectionAnswer | undefined;
  eachField({ bytes, start: 0, end: bytes.length }, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    if (number === 4) answer = files(bytes.subarray(start, end));
    else if (number === 6) answer = services(bytes.subarray(start, end));
    else if (number === 7) answer = { kind: 'error', code: errorCode(bytes.subarray(start, end)) };
  });
  return answer;
}

function files(bytes: Uint8Array): ReflectionAnswer | undefined {
  // It is written as a set is.
  const found = outlineSchema(bytes);
  if (found === undefined || found.some(({ name }) => name === '')) return undefined;
  return { kind: 'files', files: found };
}

function services(bytes: Uint8Array): ReflectionAnswer {
  const names: string[] = [];
  eachField({ bytes, start: 0, end: bytes.length }, (number, type, start, end) => {
    if (number !== 1 || type !== wire.bytes) return;
    eachField({ bytes, start, end }, (part, partType, from, to) => {
      if (part === 1 && partType === wire.bytes) names.push(textAt(bytes, from, to));
    });
  });
  return { kind: 'services', names };
}

function errorCode(bytes: Uint8Array): number {
  let code = 2;
  eachField({ bytes, start: 0, end: bytes.length }, (number, type, _start, _end, value) => {
    if (number === 1 && type === wire.varint) code = value;
  });
  return code;
}
