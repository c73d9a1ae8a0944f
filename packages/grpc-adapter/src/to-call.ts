import { deflateSync, gzipSync } from 'node:zlib';
import {
  type Exchange,
  endedByDeadline,
  grpcTimeoutNs,
  type HeaderList,
  headerValue,
  type Message,
  type Request,
  type Response,
  type Shipment,
  type ShipmentPart,
  type Unsendable,
} from '@gardenhose/core';
import { grpcFormat } from './content-type.ts';
import { connectionFields, singleFields } from './http2-fields.ts';

/** What of a call is the sender's to decide. */
export interface CallOptions {
  /** Whose `:authority` is sent. */
  readonly authority: 'target' | 'recorded';
  /** That of the target. */
  readonly targetAuthority: string;
  /** Whether health checks, reflection and channelz are sent. */
  readonly infrastructure: boolean;
}

/**
 * A recorded call as what is to be sent. It is as it was recorded but for this list, which `docs/guides/replaying.md` gives
 * reasons for:
 *
 * - `:authority` names the target, unless `authority` says `recorded` or a hook set it; `spelt` has the last word on it
 * - `grpc-timeout` follows the speed of the replay
 * - headers of HTTP/1.1 connections go: HTTP/2 forbids them
 * - messages that were compressed are compressed anew, with the codings that this sender knows; it asks for no others
 */
export function toCall(
  exchange: Exchange,
  options: CallOptions,
  recorded?: Exchange,
  spelt?: (authority: string) => string,
): Shipment | Unsendable {
  const { request, startAt } = exchange;
  if (exchange.protocol !== 'grpc' || !isProtobuf(request.headers)) return { skip: 'protocol' };
  if (!options.infrastructure && isInfrastructure(request.target)) return { skip: 'infrastructure' };
  if (!hasWholeMessages(request)) return { skip: 'body-not-kept' };
  if (!path.test(request.target) || request.method !== 'POST') return { skip: 'request-invalid' };
  const timeout = headerValue(request.headers, 'grpc-timeout');
  const deadlineNs = timeout === undefined ? undefined : grpcTimeoutNs(timeout);
  const coding = codingOf(request);
  const headers = sentMetadata(request.headers);
  if (headers === undefined) return { skip: 'request-invalid' };
  const keepAuthority =
    options.authority === 'recorded' ||
    (recorded !== undefined && recorded.request.authority !== request.authority);
  const kept = keepAuthority ? request.authority : undefined;
  const authority = kept ?? options.targetAuthority;
  return {
    exchange: exchange.id,
    lane: exchange.lane,
    protocol: 'grpc',
    startAt,
    endAt: exchange.endAt,
    method: request.target,
    head: { authority: spelt === undefined ? kept : spelt(authority), headers },
    parts: partsOf(exchange, coding),
    deadlineNs,
    abandonNs: abandonedAfter(exchange),
  };
}

/** `/package.Service/Method`. */
const path = /^\/[^/\s?#]+\/[^/\s?#]+$/;

/** Others have the same frames, but messages that nothing here reads. */
function isProtobuf(headers: HeaderList): boolean {
  const type = headerValue(headers, 'content-type');
  const format = type === undefined ? '' : grpcFormat(type);
  return format === '' || format === 'proto';
}

/** What tools ask of every server: it says nothing of the traffic, and a target may not have it. */
function isInfrastructure(target: string): boolean {
  return /^\/grpc\.(health|reflection|channelz)\.v\w+\./.test(target);
}

function hasWholeMessages(request: Request): boolean {
  const kept = ({ state }: Message) => state === 'kept' || state === 'masked';
  if (request.state === 'truncated' || request.chunks.length > 0) return false;
  if (request.state.startsWith('dropped:') && request.size > 0) return false;
  return request.messages.every(kept);
}

type Coding = 'gzip' | 'deflate';

function codingOf({ headers }: Request): Coding | undefined {
  const encoding = headerValue(headers, 'grpc-encoding');
  return encoding === 'gzip' || encoding === 'deflate' ? encoding : undefined;
}

/** A message as it is on the wire: the compressed flag, the length, the bytes (gRPC over HTTP/2, "Length-Prefixed-Message"). */
function framed(data: Uint8Array, coding: Coding | undefined): Uint8Array {
  const bytes = coding === undefined ? data : coding === 'gzip' ? gzipSync(data) : deflateSync(data);
  const frame = Buffer.allocUnsafe(5 + bytes.length);
  frame[0] = coding === undefined ? 0 : 1;
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  return frame;
}

/**
 * A library that cancels a call ends its request first, so that an end close to a cancel is part of it: unless it came with a
 * message, as that of a unary call does.
 */
const endOfCancelNs = 50e6;
const withMessageNs = 2e6;

function partsOf(
  { request, response, startAt, abort }: Exchange,
  coding: Coding | undefined,
): ShipmentPart[] {
  const parts: ShipmentPart[] = [];
  let last = 0;
  const answers = new AnswersBefore(response);
  for (const { at, data, kind } of request.messages) {
    last = Math.max(last, at - startAt);
    const bytes = framed(data, kind === 1 ? coding : undefined);
    parts.push({ offsetNs: last, bytes, kind: 'message', afterMessages: answers.before(at) });
  }
  const { endAt } = request;
  const ofCancel =
    endAt !== undefined &&
    abort?.by === 'client' &&
    abort.at - endAt < endOfCancelNs &&
    endAt - startAt > last + withMessageNs;
  if (endAt !== undefined && request.complete && !ofCancel) {
    const offsetNs = Math.max(last, endAt - startAt);
    parts.push({ offsetNs, bytes: noBytes, kind: 'end', afterMessages: answers.before(endAt) });
  }
  return parts;
}

const noBytes = new Uint8Array(0);

/** Counts the messages of an answer that had come at times that only rise. */
class AnswersBefore {
  readonly #messages: readonly Message[];
  #count = 0;

  constructor(response: Response | undefined) {
    this.#messages = response?.messages ?? [];
  }

  before(at: number): number | undefined {
    for (let next = this.#messages[this.#count]; next !== undefined && next.at < at; ) {
      next = this.#messages[++this.#count];
    }
    return this.#count === 0 ? undefined : this.#count;
  }
}

/** When the client broke it off; not when its deadline did, which the sender has too. */
function abandonedAfter(exchange: Exchange): number | undefined {
  const { abort, startAt } = exchange;
  return abort?.by === 'client' && !endedByDeadline(exchange) ? Math.max(0, abort.at - startAt) : undefined;
}

/** Of the connection that it was recorded on, or told anew by the frames. */
const ownHeaders: ReadonlySet<string> = new Set(['host', 'content-length']);
/** What answers may be coded with, so that they can be read. */
const knownCodings: ReadonlySet<string> = new Set(['identity', 'gzip', 'deflate']);
const metadataKey = /^[0-9a-z_.-]+$/;
const metadataValue = /^[\x20-\x7e]*$/;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** The metadata to send; undefined when it cannot be sent as it is. */
function sentMetadata(headers: HeaderList): string[] | undefined {
  const sent: string[] = [];
  const single = new Set<string>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const recorded = headers[i + 1] ?? '';
    if (name.startsWith(':') || ownHeaders.has(name) || connectionFields.has(name)) continue;
    const value = name === 'grpc-encoding' || name === 'grpc-accept-encoding' ? known(recorded) : recorded;
    if (value === '' && recorded !== '') continue;
    if (!metadataKey.test(name) || !metadataValue.test(value)) return undefined;
    if (name.endsWith('-bin') && !value.split(',').every((one) => base64.test(one.trim()))) return undefined;
    if (singleFields.has(name)) {
      if (single.has(name)) return undefined;
      single.add(name);
    }
    sent.push(name, value);
  }
  // A server may refuse a call without them, and a hook may have left them out.
  if (!single.has('content-type')) sent.push('content-type', 'application/grpc');
  if (!single.has('te')) sent.push('te', 'trailers');
  return sent;
}

/** The codings of a list that this sender knows. */
function known(codings: string): string {
  return codings
    .split(',')
    .map((one) => one.trim())
    .filter((one) => knownCodings.has(one))
    .join(',');
}
