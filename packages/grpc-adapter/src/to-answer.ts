import type { AnswerError } from '@gardenhose/core';
import { isGrpcContentType } from './content-type.ts';

/** A header block as Node read it, names and values in turns, without the pseudo-headers, which stand first in it. */
export function withoutPseudo(raw: readonly string[]): readonly string[] {
  let at = 0;
  while (at < raw.length && raw[at]?.charCodeAt(0) === colon) at += 2;
  return raw.slice(at);
}

const colon = 0x3a;

/** The trailers that told a status: what the status is made of first, then the metadata. */
export function statusTrailers(fields: readonly string[], alone: boolean): string[] {
  const trailers: string[] = [];
  for (const name of statusNames) push(trailers, fields, (one) => one === name);
  // Of trailers alone, which stand in the place of a head, these are the head's.
  push(
    trailers,
    fields,
    (one) => !isStatusName(one) && !(alone && (one === 'content-type' || one === 'date')),
  );
  return trailers;
}

const statusNames = ['grpc-status', 'grpc-message', 'grpc-status-details-bin'] as const;
const isStatusName = (name: string): boolean => statusNames.some((one) => one === name);

function push(to: string[], fields: readonly string[], which: (name: string) => boolean): void {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (which(name)) to.push(name, fields[i + 1] ?? '');
  }
}

/** How a stream was over before it told a status. */
export interface StreamEnd {
  /** RFC 9113 section 7. */
  readonly rstCode: number;
  /** The connection is gone, with what Node says of it where it says something. */
  readonly lost: string | undefined;
  readonly headSeen: boolean;
}

const refusedStream = 7;

/** Why there is no status. */
export function noStatus({ rstCode, lost, headSeen }: StreamEnd, target: string): AnswerError {
  if (lost !== undefined) {
    return { code: 'connection-closed', message: `${target} broke the connection${lost && ` (${lost})`}` };
  }
  if (rstCode !== 0) {
    const what = rstCode === refusedStream ? 'refused' : 'reset';
    return { code: 'connection-closed', message: `${target} ${what} the call (RST_STREAM ${rstCode})` };
  }
  const what = headSeen ? 'ended the call without a status' : 'ended the call without an answer';
  return { code: 'response-malformed', message: `${target} ${what}` };
}

/** Why a head is none of gRPC; undefined when it is one. */
export function notGrpc(status: unknown, contentType: unknown, target: string): AnswerError | undefined {
  const why =
    status !== 200
      ? `HTTP status code ${String(status)}`
      : isGrpcContentType(contentType)
        ? undefined
        : 'another content type';
  return why === undefined
    ? undefined
    : { code: 'response-malformed', message: `${target} did not answer in gRPC (${why})` };
}

/** As `grpc-message` is written: all but printable ASCII, and the percent sign, in percent-encoded UTF-8. */
export function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
