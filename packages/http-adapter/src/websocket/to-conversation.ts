import {
  type Exchange,
  type HeaderList,
  headerValue,
  type Message,
  type Shipment,
  type ShipmentPart,
  type Unsendable,
} from '@gardenhose/core';
import { isTarget, originForm, type RequestOptions, validFields } from '../to-request.ts';
import { opcode } from './frame-reader.ts';

/**
 * A recorded WebSocket as what is to be sent: the head of its handshake, and each message of its client as a part, its opcode before
 * its bytes. It is as it was recorded but for this list, which `docs/guides/replaying.md` gives reasons for:
 *
 * - `Host` as in any other request
 * - `Sec-WebSocket-Key` is made anew each time, at the end of the head where masking has left none
 * - of `Sec-WebSocket-Extensions` only `permessage-deflate` is offered
 * - messages go as one frame each, with a mask of their own, not compressed
 * - pings are answered when they come, so that pongs which answered recorded pings are parts without bytes
 * - pings, pongs and closes that masking made longer than a control frame holds are cut; those that were dropped are empty
 */
export function toConversation(
  exchange: Exchange,
  options: RequestOptions,
  recorded?: Exchange,
  spelt: (authority: string) => string = (authority) => authority,
): Shipment | Unsendable {
  const { request, startAt } = exchange;
  const target = originForm(request.target);
  if (exchange.protocol !== 'websocket') return { skip: 'protocol' };
  if (!request.messages.every(canBeSent)) return { skip: 'body-not-kept' };
  if (request.method !== 'GET' || !isTarget(target, 'GET')) return { skip: 'request-invalid' };
  const hostWasSet =
    recorded !== undefined &&
    headerValue(request.headers, 'host') !== headerValue(recorded.request.headers, 'host');
  const host = options.host === 'recorded' || hostWasSet ? undefined : options.authority;
  const headers = handshakeHeaders(request.headers, host, spelt);
  if (!validFields(headers)) return { skip: 'request-invalid' };
  return {
    exchange: exchange.id,
    lane: exchange.lane,
    protocol: 'websocket',
    startAt,
    endAt: exchange.endAt,
    method: target,
    head: { headers },
    parts: partsOf(exchange),
    abandonNs: exchange.abort?.by === 'client' ? Math.max(0, exchange.abort.at - startAt) : undefined,
    alone: true,
  };
}

/** Where the sender puts the key of each handshake. */
export const keyName = 'Sec-WebSocket-Key';

/** Fields of a connection that this is not. */
const otherConnections: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'proxy-connection',
  'http2-settings',
]);

/** The fields of the handshake, with an empty key; what a handshake cannot be without is added (RFC 6455 section 4.1). */
function handshakeHeaders(
  headers: HeaderList,
  host: string | undefined,
  spelt: (authority: string) => string,
): string[] {
  const sent: string[] = [];
  const seen = new Set<string>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (otherConnections.has(lower) || lower.startsWith(':')) continue;
    const first = !seen.has(lower);
    seen.add(lower);
    if (lower === 'host') {
      if (first || host === undefined) sent.push(name, spelt(host ?? value));
    } else if (lower === 'sec-websocket-key') {
      if (first) sent.push(name, '');
    } else if (lower === 'sec-websocket-extensions') {
      const known = knownExtensions(value);
      if (known !== '') sent.push(name, known);
    } else {
      sent.push(name, value);
    }
  }
  if (!seen.has('host') && host !== undefined) sent.unshift('Host', spelt(host));
  if (!seen.has('upgrade')) sent.push('Upgrade', 'websocket');
  if (!seen.has('connection')) sent.push('Connection', 'Upgrade');
  if (!seen.has('sec-websocket-version')) sent.push('Sec-WebSocket-Version', '13');
  if (!seen.has('sec-websocket-key')) sent.push(keyName, '');
  return sent;
}

const deflateParameter =
  /^(?:(?:server|client)_no_context_takeover|(?:server|client)_max_window_bits(?:="?\d{1,2}"?)?)$/i;

/** What of an offer this sender can read the answers to. */
function knownExtensions(value: string): string {
  return value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => {
      const [name = '', ...parameters] = one.split(';').map((part) => part.trim());
      const known = parameters.every((parameter) => deflateParameter.test(parameter.replaceAll(' ', '')));
      return name.toLowerCase() === 'permessage-deflate' && known;
    })
    .join(', ');
}

/** Control frames can go without what they held; other messages cannot. */
function canBeSent({ kind, state }: Message): boolean {
  if (kind >= opcode.close) return kind <= opcode.pong;
  return (kind === opcode.text || kind === opcode.binary) && (state === 'kept' || state === 'masked');
}

const maxControlBytes = 125;

function partsOf({ request, response, startAt, endAt, abort }: Exchange): ShipmentPart[] {
  const parts: ShipmentPart[] = [];
  const answers = (response?.messages ?? []).filter(({ kind }) => isAwaited(kind));
  let came = 0;
  const before = (at: number): number | undefined => {
    while ((answers[came]?.at ?? Number.POSITIVE_INFINITY) < at) came++;
    return came === 0 ? undefined : came;
  };
  const pings = (response?.messages ?? []).filter(({ kind }) => kind === opcode.ping);
  let answered = 0;
  let last = 0;
  let closed = false;
  for (const { at, kind, state, data } of request.messages) {
    last = Math.max(last, at - startAt);
    if (kind === opcode.pong && (pings[answered]?.at ?? Number.POSITIVE_INFINITY) < at) {
      // The sender answers pings as they come. It stands here so that the parts are those that were recorded.
      answered++;
      parts.push({ offsetNs: last, bytes: noBytes, kind: 'message' });
      continue;
    }
    const kept = state === 'kept' || state === 'masked' ? data : noBytes;
    const payload = kind >= opcode.close ? controlPayload(kind, kept) : kept;
    const bytes = Buffer.allocUnsafe(1 + payload.length);
    bytes[0] = kind;
    bytes.set(payload, 1);
    parts.push({ offsetNs: last, bytes, kind: 'message', afterMessages: before(at) });
    closed ||= kind === opcode.close;
  }
  // Its client neither closed it nor broke it off: it goes when its connection was gone.
  if (!closed && abort?.by !== 'client' && response?.status === 101) {
    parts.push({
      offsetNs: Math.max(last, endAt - startAt),
      bytes: noBytes,
      kind: 'end',
      afterMessages: before(endAt),
    });
  }
  return parts;
}

const noBytes = new Uint8Array(0);

/** Whether later messages of the client wait for one of this kind: pings and pongs come when they come. */
export function isAwaited(kind: number): boolean {
  return kind === opcode.text || kind === opcode.binary || kind === opcode.close;
}

/** As much as a control frame holds. A reason that is cut within a character is left out: it must be UTF-8. */
function controlPayload(kind: number, data: Uint8Array): Uint8Array {
  if (data.length <= maxControlBytes) return data.length === 1 && kind === opcode.close ? noBytes : data;
  return kind === opcode.close ? data.subarray(0, 2) : data.subarray(0, maxControlBytes);
}
