import type { ExchangeStart, Side } from '@gardenhose/core';
import type { Canary, CanaryKind } from './canary.ts';

/** What the server of the test answers, as data, since it runs in another process. Bytes are one per character. */
export interface Answer {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Fields of a 103 before it. */
  readonly early?: Readonly<Record<string, string>>;
  readonly pieces?: readonly string[];
  /** The encoding in which the application hands its pieces to `write`. */
  readonly hex?: boolean;
  readonly trailers?: Readonly<Record<string, string>>;
  /** The server breaks off after the pieces. */
  readonly destroys?: boolean;
}

/** What a tap that is not built yet would tell the recorder. */
export interface Told {
  /** What its messages are made of, as base64. */
  readonly schema?: string;
  readonly start: Partial<ExchangeStart>;
  readonly messages?: readonly (readonly [side: Side, kind: number, data: string])[];
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly trailers?: readonly string[];
  readonly body?: string;
}

/** What a handler of gRPC answers. Bytes are one per character, and base64 in metadata whose names say so. */
export interface CallAnswer {
  readonly metadata?: readonly (readonly [name: string, value: string])[];
  readonly messages?: readonly string[];
  readonly code?: number;
  readonly details?: string;
  readonly trailers?: readonly (readonly [name: string, value: string])[];
}

/** A call of gRPC, and how it is answered. */
export interface Call {
  /** What its messages are made of, as base64. */
  readonly schema: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The request as it is written: each a frame of its own. Of calls that the service makes, each a message. */
  readonly pieces: readonly string[];
  readonly answer: CallAnswer;
  /** The service makes it, to another server. */
  readonly outbound: boolean;
}

/** A request over HTTP/2. Bytes are one per character. */
export interface Http2Ask {
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** One way in which a position is carried. */
export interface Case {
  readonly title: string;
  /** What must not be found afterwards. Default `word`. */
  readonly find?: CanaryKind;
  readonly request?: (canary: Canary) => string | Buffer;
  /** Instead of by HTTP/1.1. */
  readonly http2?: (canary: Canary) => Http2Ask;
  readonly answer?: (canary: Canary) => Answer;
  /** A note that the application puts on the exchange. */
  readonly mark?: (canary: Canary) => readonly [name: string, value: string];
  /** Told to the recorder by hand, through the interface that taps use. */
  readonly told?: (canary: Canary) => Told;
  /** A call to the server of gRPC, or one that the service makes. */
  readonly call?: (canary: Canary) => Call;
  /** The client goes away when the server has seen some of the body. */
  readonly breaksOff?: true;
  /** By a server that takes what Node's parser refuses unless told not to. */
  readonly lenient?: true;
  /** Over TLS, with this name of the server asked for. */
  readonly serverName?: (canary: Canary) => string;
  /** The address that the client connects from. */
  readonly from?: (canary: Canary) => string;
  /** It never gets to where it could be recorded, and why: also the control finds nothing. */
  readonly unseen?: string;
  /** Only the policy strict masks it, by this rule. */
  readonly strict?: `default/strict/${string}`;
}

export type Cases = Readonly<Record<string, Omit<Case, 'title'>>>;

/** One of the positions, by number. */
export interface Position {
  readonly title: string;
  /** Through real servers and clients, each with its control. */
  readonly cases?: Cases;
  /** What is not as it will be. */
  readonly note?: string;
  /** Tests of its own: where, or why there is none. */
  readonly elsewhere?: string;
}
export type Positions = Readonly<Record<number, Position>>;

export const json = 'application/json';
export const form = 'application/x-www-form-urlencoded';
export const eventStream = 'text/event-stream';

export const get = (target: string, ...headers: string[]): string =>
  `GET ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;

export const post = (type: string, body: string | Buffer, ...headers: string[]): Buffer => {
  const bytes = Buffer.from(body);
  const lines = type === '' ? headers : [`Content-Type: ${type}`, ...headers];
  const head = get('/x', ...lines, `Content-Length: ${bytes.length}`).replace('GET', 'POST');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
};

/** A chunked body, cut into these pieces, with these trailers. */
export const chunked = (
  type: string,
  pieces: readonly string[],
  trailers: readonly string[] = [],
  extension = '',
): string =>
  get('/x', `Content-Type: ${type}`, 'Transfer-Encoding: chunked', 'Trailer: X-Sum').replace('GET', 'POST') +
  pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}${extension}\r\n${piece}\r\n`).join('') +
  `0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;

export const percent = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

export const password = ({ word }: Canary): string => JSON.stringify({ password: word });

/** A JSON body in a request. */
export const sends = (body: (canary: Canary) => unknown, find: CanaryKind = 'word'): Omit<Case, 'title'> => ({
  find,
  request: (canary) => post(json, JSON.stringify(body(canary))),
});

/** A body in a request. */
export const sendsBody = (
  type: string,
  body: (canary: Canary) => string | Buffer,
  ...headers: string[]
): Omit<Case, 'title'> => ({ request: (canary) => post(type, body(canary), ...headers) });

/** A header of a request, by default with the word. */
export const sendsHeader = (
  name: string,
  value: (canary: Canary) => string = ({ word }) => word,
  find: CanaryKind = 'word',
): Omit<Case, 'title'> => ({ find, request: (canary) => get('/', `${name}: ${value(canary)}`) });

/** A request target. */
export const asks = (target: (canary: Canary) => string, find: CanaryKind = 'word'): Omit<Case, 'title'> => ({
  find,
  request: (canary) => get(target(canary)),
});

/** A header of a response. */
export const answersHeader = (
  name: string,
  value: (canary: Canary) => string = ({ word }) => word,
  find: CanaryKind = 'word',
): Omit<Case, 'title'> => ({ find, answer: (canary) => ({ headers: [[name, value(canary)]] }) });

/** A body in a response. */
export const answers = (
  type: string,
  body: (canary: Canary) => string | Buffer,
  { coding, find = 'word' }: { readonly coding?: string; readonly find?: CanaryKind } = {},
): Omit<Case, 'title'> => ({
  find,
  answer: (canary) => ({
    headers: [
      ...(type === '' ? [] : [['Content-Type', type] as const]),
      ...(coding === undefined ? [] : [['Content-Encoding', coding] as const]),
    ],
    pieces: [Buffer.from(body(canary)).toString('latin1')],
  }),
});
