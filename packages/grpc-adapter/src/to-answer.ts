import type { AnswerError } from '@gardenhose/core';
import type { GrpcMetadata, GrpcStatus } from './library.ts';

/** Metadata as names and values in turns, binary ones in base64, as they are on the wire. */
export function metadataList(metadata: GrpcMetadata): string[] {
  const list: string[] = [];
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    if (!Array.isArray(values)) continue;
    for (const value of values)
      list.push(name, Buffer.isBuffer(value) ? value.toString('base64') : String(value));
  }
  return list;
}

/** A status that the server sent, as the trailers that told it. */
export function statusTrailers({ code, details, metadata }: GrpcStatus): string[] {
  const trailers = ['grpc-status', String(code)];
  if (details !== '') trailers.push('grpc-message', percentEncoded(details));
  const others = metadataList(metadata);
  for (let i = 0; i + 1 < others.length; i += 2) {
    const name = others[i] ?? '';
    // Of trailers alone, which stand in the place of a head, these are the head's.
    if (name !== 'content-type' && name !== 'date') trailers.push(name, others[i + 1] ?? '');
  }
  return trailers;
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

/** What grpc-js says where no server did. It has no other mark of it: a status of its own has these words and no metadata. */
const ownWords: readonly (readonly [RegExp, AnswerError['code'], string])[] = [
  [/^No connection established/, 'target-unreachable', 'cannot be connected'],
  [/^Name resolution failed/, 'target-unreachable', 'has a host that is not known'],
  [/^Connection dropped$/, 'connection-closed', 'broke the connection'],
  [/^Stream refused by server$/, 'connection-closed', 'refused the call (RST_STREAM 7)'],
  [/^Call cancelled$/, 'connection-closed', 'reset the call (RST_STREAM 8)'],
  [/^Bandwidth exhausted/, 'connection-closed', 'reset the call (RST_STREAM 11)'],
  [/^Protocol not secure enough$/, 'connection-closed', 'reset the call (RST_STREAM 12)'],
  [/^Received HTTP status code/, 'response-malformed', 'did not answer in gRPC'],
  [/^No status information received/, 'response-malformed', 'ended the call without a status'],
  [/^Received message larger than max/, 'response-limit', 'sent a message that is over maxMessageBytes'],
  [/^(Failed to start HTTP\/2 stream|Failed to write message)/, 'request-invalid', 'was not sent the call'],
  [/^(read|write) E[A-Z]+|ECONNRESET|EPIPE/, 'connection-closed', 'broke the connection'],
];

/** Why there is no status of the server; undefined when there is one. */
export function localFailure(
  { code, details, metadata }: GrpcStatus,
  target: string,
  limit: number,
): AnswerError | undefined {
  if (code === 0) return undefined;
  if (Object.keys(metadata.toJSON()).length > 0 && !details.startsWith('Received HTTP status'))
    return undefined;
  const reset = /^Received RST_STREAM with code (\d+)(.*)$/.exec(details);
  if (reset !== null) {
    const why =
      reset[2]?.includes('without gRPC status') === true ? 'ended the call without a status' : undefined;
    return {
      code: why === undefined ? 'connection-closed' : 'response-malformed',
      message: `${target} ${why ?? `reset the call (RST_STREAM ${reset[1]})`}`,
    };
  }
  for (const [words, failure, what] of ownWords) {
    if (!words.test(details)) continue;
    const more = failure === 'response-limit' ? ` (${limit})` : reason(details);
    return { code: failure, message: `${target} ${what}${more}` };
  }
  return undefined;
}

/** The part of grpc-js's words that tells the cause and nothing of what was sent. */
function reason(details: string): string {
  const cause = /\b(E[A-Z]{4,}|HTTP status code \d{3})\b/.exec(details)?.[1];
  return cause === undefined ? '' : ` (${cause})`;
}
