import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import {
  type Content,
  type Exchange,
  emptyContent,
  emptyExchange,
  GardenhoseError,
  type HeaderList,
  headerValue,
} from '@gardenhose/core';
import type { Io } from './io.ts';

/** An exchange as it is given by hand. */
export interface ExampleFlags {
  readonly url?: string;
  readonly method?: string;
  readonly header?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  readonly contentType?: string;
  readonly request?: string;
  readonly status?: number;
  readonly responseHeader?: readonly (readonly [name: string, value: string])[];
  readonly responseBody?: string;
  readonly outbound?: boolean;
}

const longest = 16 << 20;
/** Each of them is something to mask. */
const parts = ['url', 'header', 'body', 'request', 'responseHeader', 'responseBody'] as const;

/**
 * The exchange that the flags describe. Bodies are of the type that their headers say, else of the one that they look like.
 *
 * @throws GardenhoseError `invalid-option`; system errors for files that cannot be read
 */
export async function exampleExchange(flags: ExampleFlags, io: Io): Promise<Exchange> {
  if (parts.every((part) => flags[part] === undefined)) {
    throw new GardenhoseError(
      'invalid-option',
      "no example is given; describe one, such as --url '/orders?email=ada@example.com' --body '{\"pin\":4711}'",
      { subject: '--url' },
    );
  }
  const written = flags.request === undefined ? undefined : parseRequest(await read(flags.request, io));
  const url = flags.url === undefined ? undefined : parseUrl(flags.url);
  const body = flags.body === undefined ? (written?.body ?? Buffer.alloc(0)) : await text(flags.body, io);
  const host = url === undefined || written?.headers.includes('Host') ? [] : ['Host', url.host];
  const headers = [...host, ...(written?.headers ?? []), ...(flags.header ?? []).flat()];
  const answered =
    flags.status !== undefined || flags.responseBody !== undefined || flags.responseHeader !== undefined;
  const answer = flags.responseBody === undefined ? Buffer.alloc(0) : await text(flags.responseBody, io);
  return {
    ...emptyExchange,
    direction: flags.outbound === true ? 'outbound' : 'inbound',
    request: {
      ...emptyExchange.request,
      ...content(body),
      method: flags.method ?? written?.method ?? (body.length > 0 ? 'POST' : 'GET'),
      target: url === undefined ? (written?.target ?? '/') : `${url.pathname}${url.search}`,
      scheme: url?.protocol === 'https:' ? 'https' : 'http',
      headers: withType(headers, flags.contentType, body),
    },
    response: answered
      ? {
          ...content(answer),
          at: 0,
          status: flags.status ?? 200,
          reason: '',
          version: '1.1',
          headers: withType((flags.responseHeader ?? []).flat(), undefined, answer),
        }
      : undefined,
  };
}

function content(body: Buffer): Content {
  const chunks = body.length > 0 ? [{ at: 0, size: body.length, data: body }] : [];
  return { ...emptyContent, chunks, size: body.length, endAt: 0 };
}

function withType(headers: HeaderList, given: string | undefined, body: Buffer): HeaderList {
  if (body.length === 0 && given === undefined) return headers;
  if (given === undefined && headerValue(headers, 'content-type') !== undefined) return headers;
  return [...headers, 'Content-Type', given ?? typeByLook(body)];
}

function typeByLook(body: Buffer): string {
  const start = body.toString('latin1', 0, 200).trimStart();
  if (/^[[{"]/.test(start)) return 'application/json';
  return /^[\w.[\]%-]+=[^\s]*$/.test(start) ? 'application/x-www-form-urlencoded' : 'text/plain';
}

function parseUrl(given: string): URL {
  const base = 'http://example.test';
  if (URL.canParse(given, base)) return new URL(given, base);
  throw new GardenhoseError('invalid-option', `--url is ${given}, expected a URL or a path`, {
    subject: '--url',
  });
}

/** Text as it is; `@FILE` is what the file holds, `@-` standard input. */
async function text(given: string, io: Io): Promise<Buffer> {
  return given.startsWith('@') ? read(given.slice(1), io) : Buffer.from(given);
}

async function read(path: string, io: Io): Promise<Buffer> {
  const bytes = path === '-' ? await buffer(io.stdin) : readBytes(path);
  if (bytes.length <= longest) return bytes;
  throw new GardenhoseError(
    'invalid-option',
    `${path} has ${bytes.length} bytes, at most ${longest} are explained`,
    {
      subject: path,
    },
  );
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    // Node does not say which path is a directory.
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}

/** A request as HTTP/1.1 writes it, with LF or CRLF. */
function parseRequest(bytes: Buffer): {
  readonly method: string;
  readonly target: string;
  readonly headers: string[];
  readonly body: Buffer;
} {
  const end = /\r?\n\r?\n/.exec(bytes.toString('latin1'));
  const head = bytes.toString('latin1', 0, end?.index ?? bytes.length);
  const [first = '', ...lines] = head.split(/\r?\n/);
  const start = /^([A-Za-z-]{1,20}) (\S+)(?: HTTP\/[\d.]+)?$/.exec(first.trim());
  if (start === null) {
    throw new GardenhoseError(
      'invalid-option',
      'the request of --request does not begin as "POST /orders HTTP/1.1"',
      { subject: '--request' },
    );
  }
  const headers: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const [, method = '', target = ''] = start;
  const body = end === null ? Buffer.alloc(0) : bytes.subarray(end.index + end[0].length);
  return { method, target, headers, body };
}
