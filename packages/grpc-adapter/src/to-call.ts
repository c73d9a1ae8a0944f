import {
  type Exchange,
  endedByDeadline,
  grpcTimeoutNs,
  type HeaderList,
  headerValue,
  type Message,
  type Request,
  type Shipment,
  type ShipmentPart,
  type Unsendable,
} from '@gardenhose/core';

/** What of a call is the sender's to decide. */
export interface CallOptions {
  /** Whose `:authority` is sent. */
  readonly authority: 'target' | 'recorded';
  /** Whether health checks, reflection and channelz are sent. */
  readonly infrastructure: boolean;
}

/**
 * A recorded call as what is to be sent. It is as it was recorded but for this list, which `docs/guides/replaying.md` gives
 * reasons for:
 *
 * - `:authority` names the target, unless `authority` says `recorded` or a hook set it
 * - `user-agent`, `te`, `content-type` and what tells the codings are written by grpc-js
 * - `grpc-timeout` becomes a deadline, so that it counts from now and follows the speed of the replay
 * - headers of HTTP/1.1 connections go: grpc-js would send such a call again and again
 * - messages that were compressed are compressed anew
 */
export function toCall(exchange: Exchange, options: CallOptions, recorded?: Exchange): Shipment | Unsendable {
  const { request, startAt } = exchange;
  if (exchange.protocol !== 'grpc' || !isProtobuf(request.headers)) return { skip: 'protocol' };
  if (!options.infrastructure && isInfrastructure(request.target)) return { skip: 'infrastructure' };
  if (!hasWholeMessages(request)) return { skip: 'body-not-kept' };
  if (!path.test(request.target) || request.method !== 'POST') return { skip: 'request-invalid' };
  const timeout = headerValue(request.headers, 'grpc-timeout');
  const deadlineNs = timeout === undefined ? undefined : grpcTimeoutNs(timeout);
  const compressed = isCompressed(request);
  const headers = sentMetadata(request.headers, {
    // What no sender can read goes as it is: the answer to it was recorded too.
    timeout: deadlineNs === undefined,
    encoding: compressed,
  });
  if (headers === undefined) return { skip: 'request-invalid' };
  const keepAuthority =
    options.authority === 'recorded' ||
    (recorded !== undefined && recorded.request.authority !== request.authority);
  return {
    exchange: exchange.id,
    lane: exchange.lane,
    protocol: 'grpc',
    startAt,
    endAt: exchange.endAt,
    method: request.target,
    head: { authority: keepAuthority ? request.authority : undefined, headers },
    parts: partsOf(exchange, compressed),
    deadlineNs,
    abandonNs: abandonedAfter(exchange),
  };
}

/** `/package.Service/Method`. */
const path = /^\/[^/\s?#]+\/[^/\s?#]+$/;

/** grpc-js writes its own content type, so what says that it is something else would not be read as it was. */
function isProtobuf(headers: HeaderList): boolean {
  const type = headerValue(headers, 'content-type');
  return type === undefined || /^application\/grpc(\+proto)?\s*(;|$)/i.test(type);
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

function isCompressed({ headers, messages }: Request): boolean {
  const encoding = headerValue(headers, 'grpc-encoding');
  return (encoding === 'gzip' || encoding === 'deflate') && messages.some(({ kind }) => kind === 1);
}

/**
 * A library that cancels a call ends its request first, so that an end close to a cancel is part of it: unless it came with a
 * message, as that of a unary call does.
 */
const endOfCancelNs = 50e6;
const withMessageNs = 2e6;

function partsOf({ request, startAt, abort }: Exchange, compressed: boolean): ShipmentPart[] {
  const parts: ShipmentPart[] = [];
  let last = 0;
  for (const { at, data, kind } of request.messages) {
    last = Math.max(last, at - startAt);
    parts.push({ offsetNs: last, bytes: data, kind: compressed && kind === 1 ? 'compressed' : 'message' });
  }
  const { endAt } = request;
  const ofCancel =
    endAt !== undefined &&
    abort?.by === 'client' &&
    abort.at - endAt < endOfCancelNs &&
    endAt - startAt > last + withMessageNs;
  if (endAt !== undefined && request.complete && !ofCancel) {
    parts.push({ offsetNs: Math.max(last, endAt - startAt), bytes: noBytes, kind: 'end' });
  }
  return parts;
}

const noBytes = new Uint8Array(0);

/** When the client broke it off; not when its deadline did, which the sender has too. */
function abandonedAfter(exchange: Exchange): number | undefined {
  const { abort, startAt } = exchange;
  return abort?.by === 'client' && !endedByDeadline(exchange) ? Math.max(0, abort.at - startAt) : undefined;
}

/** Written by grpc-js, or read by it as its own. */
const ownHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'te',
  'user-agent',
  'host',
  'content-length',
  'accept-encoding',
  'grpc-accept-encoding',
]);
/** RFC 9113 section 8.2.2. grpc-js sends a call with one of these again without end, or fails it. */
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** HTTP/2 of Node takes each of these once. */
const singleHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'age',
  'cookie2',
  'date',
  'etag',
  'expires',
  'from',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
]);
const metadataKey = /^[0-9a-z_.-]+$/;
const metadataValue = /^[\x20-\x7e]*$/;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** The metadata to send; undefined when it cannot be sent as it is. */
function sentMetadata(
  headers: HeaderList,
  keep: { readonly timeout: boolean; readonly encoding: boolean },
): string[] | undefined {
  const sent: string[] = [];
  const single = new Set<string>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (name.startsWith(':') || ownHeaders.has(name) || connectionHeaders.has(name)) continue;
    if (name === 'grpc-timeout' && !keep.timeout) continue;
    if (name === 'grpc-encoding' && !keep.encoding) continue;
    if (!metadataKey.test(name) || !metadataValue.test(value)) return undefined;
    if (singleHeaders.has(name) && single.has(name)) return undefined;
    single.add(name);
    if (!name.endsWith('-bin')) sent.push(name, value);
    else {
      for (const one of value.split(',')) {
        if (!base64.test(one.trim())) return undefined;
        sent.push(name, one.trim());
      }
    }
  }
  return sent;
}
