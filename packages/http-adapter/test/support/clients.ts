import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as undici6 from 'undici6';
import * as undici7 from 'undici7';

/** What a client is asked to send. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | (() => AsyncIterable<Uint8Array>);
  readonly signal?: AbortSignal;
}

/** What the application sees of an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: unknown;
  readonly body: string;
}

/** Sends a request and reads the answer; rejects with the client's own error. */
export type Client = (url: string, asked?: Asked) => Promise<Answer>;

const answered = (status: number, headers: unknown, body: Uint8Array): Answer => ({
  status,
  headers,
  body: Buffer.from(body).toString('latin1'),
});

const viaFetch: Client = async (url, { body, ...rest } = {}) => {
  const init: RequestInit & { duplex: 'half' } = { ...rest, duplex: 'half' };
  if (body !== undefined) init.body = typeof body === 'string' ? body : ReadableStream.from(body());
  const response = await fetch(url, init);
  return answered(response.status, [...response.headers], new Uint8Array(await response.arrayBuffer()));
};

const viaHttp: Client = async (url, { method, headers, body, signal } = {}) => {
  const request = httpRequest(url, {
    ...(method && { method }),
    ...(headers && { headers: { ...headers } }),
    ...(signal && { signal }),
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      buffer(response).then(
        (bytes) => resolve(answered(response.statusCode ?? 0, response.rawHeaders, bytes)),
        reject,
      );
    });
  });
  if (typeof body !== 'function') request.end(body);
  else {
    for await (const piece of body()) request.write(piece);
    request.end();
  }
  return answer;
};

interface UndiciOptions {
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Readable;
  readonly signal?: AbortSignal;
}

type UndiciRequest = (
  url: string,
  options: UndiciOptions,
) => Promise<{
  readonly statusCode: number;
  readonly headers: unknown;
  readonly body: { arrayBuffer(): Promise<ArrayBuffer> };
}>;

const via =
  (request: UndiciRequest): Client =>
  async (url, { method = 'GET', headers, body, signal } = {}) => {
    const {
      statusCode,
      headers: got,
      body: answer,
    } = await request(url, {
      method,
      ...(headers && { headers: { ...headers } }),
      ...(signal && { signal }),
      ...(body !== undefined && {
        body: typeof body === 'string' ? body : Readable.from(body(), { objectMode: false }),
      }),
    });
    return answered(statusCode, got, new Uint8Array(await answer.arrayBuffer()));
  };

/** By its parts: as a whole it asks for a newer Node than the oldest that we run on. */
function request8(): UndiciRequest {
  const require = createRequire(import.meta.url);
  const Agent = require('undici8/lib/dispatcher/agent.js');
  const { request } = require('undici8/lib/api');
  const agent = new Agent();
  return (url, options) => {
    const { origin, pathname, search } = new URL(url);
    return Reflect.apply(request, agent, [{ origin, path: pathname + search, ...options }]);
  };
}

/** Every client whose requests are recorded, by name. */
export const clients: readonly (readonly [name: string, client: Client])[] = [
  ['fetch', viaFetch],
  ['undici 6', via((url, options) => undici6.request(url, options as Parameters<typeof undici6.request>[1]))],
  ['undici 7', via((url, options) => undici7.request(url, options as Parameters<typeof undici7.request>[1]))],
  ['undici 8', via(request8())],
  ['node:http', viaHttp],
];
