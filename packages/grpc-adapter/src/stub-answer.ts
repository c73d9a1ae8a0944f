import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  type Exchange,
  grpcStatusName,
  type HeaderList,
  headerEntries,
  type Message,
} from '@gardenhose/core';
import type { StubAnswer, StubStep } from '@gardenhose/core/adapter';
import { connectionFields, singleFields } from './http2-fields.ts';
import { percentEncoded } from './to-answer.ts';
import { headerOf } from './to-events.ts';

/** Of HTTP/1.1 connections, not to be sent over HTTP/2 (RFC 9113 section 8.2.2), and what is written anew. */
const notSent: ReadonlySet<string> = new Set([...connectionFields, 'content-length', 'date']);
const sendableName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const sendableValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const longestDetail = 2_000;
const unavailable = 14;
const lastStatus = 16;

/** Why the answer of a recorded call cannot be written; undefined where it can. */
export function whyNotServed({ response }: Exchange): string | undefined {
  for (const headers of [response?.headers ?? [], response?.trailers ?? []]) {
    const seen = new Set<string>();
    for (const [key, value] of headerEntries(headers)) {
      const name = key.toLowerCase();
      if (name.startsWith(':') || notSent.has(name)) continue;
      if (!sendableName.test(name) || !sendableValue.test(value)) return 'its metadata cannot be sent';
      if (singleFields.has(name) && seen.has(name)) return `it has ${name} twice, which cannot be sent`;
      seen.add(name);
    }
  }
  const { status = 200 } = response ?? {};
  return status < 200 || status > 599 ? 'its HTTP status is none' : undefined;
}

/** Writes the answer to one call on its stream, as the recording has it: head, messages, trailers and resets. */
export class StreamAnswer implements StubAnswer {
  readonly #stream: ServerHttp2Stream;
  /** Codings that the client reads. */
  readonly #accepted: readonly string[];
  #coding: string | undefined;
  #headSent = false;
  #ended = false;
  /** Of a reset that is due. */
  #resetCode: number | undefined;

  /** @param headers - Of the request, names and values in turns */
  constructor(stream: ServerHttp2Stream, headers: HeaderList) {
    this.#stream = stream;
    this.#accepted = (headerOf(headers, 'grpc-accept-encoding') ?? '').split(',').map((one) => one.trim());
  }

  step(step: StubStep): void {
    if (this.#ended || this.#stream.destroyed) return;
    try {
      if (step.kind === 'head') this.#head(step.head.status, step.head.headers);
      else if (step.kind === 'message') this.#message(step.message);
      else if (step.kind === 'end') this.#end(step.trailers, step.alone);
      else if (step.kind === 'break') this.#break(step.by, step.code);
    } catch {
      // What could be checked of a recording was checked; Node has more rules than are told.
      this.#ended = true;
      this.#stream.close(internalError);
    }
  }

  miss(detail: string): void {
    this.#status(unavailable, detail, ['gardenhose-stub', 'miss']);
  }

  /** Ends the call with a status that was not recorded. */
  refuse(code: number, detail: string): void {
    this.#status(code, detail);
  }

  #head(status: number, headers: HeaderList): void {
    const coding = headerOf(headers, 'grpc-encoding');
    const readable = coding === undefined || coding === 'identity' || this.#accepted.includes(coding);
    this.#coding = readable ? coding : undefined;
    const sent = outgoing(headers, readable ? undefined : 'grpc-encoding');
    this.#headSent = true;
    const options = { waitForTrailers: true, sendDate: hasDate(headers) };
    this.#stream.respond(headOf(status, sent), options);
  }

  #message({ data, kind }: Message): void {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const packed = kind === 0 ? undefined : compressed(bytes, this.#coding);
    const body = packed ?? bytes;
    const frame = Buffer.allocUnsafe(5 + body.length);
    frame[0] = packed === undefined ? 0 : 1;
    frame.writeUInt32BE(body.length, 1);
    body.copy(frame, 5);
    this.#stream.write(frame, () => this.#resetOnceWritten());
  }

  /** Not before what was written before it. */
  #resetOnceWritten(): void {
    if (this.#resetCode !== undefined && this.#stream.writableLength === 0) {
      this.#stream.close(this.#resetCode);
    }
  }

  #end(trailers: HeaderList, alone: boolean): void {
    this.#ended = true;
    if (alone && !this.#headSent) {
      const options = { endStream: true, sendDate: hasDate(trailers) };
      this.#stream.respond(headOf(200, outgoing(trailers)), options);
      return;
    }
    const sent = outgoing(trailers);
    // Of none, Node makes the end of the data. To close the stream instead may end nothing at all (seen with 20.20).
    this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(sent));
    this.#stream.end();
  }

  #break(by: 'client' | 'server' | 'unknown', code: string): void {
    const reset = /^RST_STREAM (\d{1,9})$/.exec(code)?.[1];
    if (by === 'client') {
      const deadline = code === 'DEADLINE_EXCEEDED';
      this.#status(deadline ? 4 : 1, 'the recording ends here: its client went away');
    } else if (reset !== undefined) {
      this.#ended = true;
      this.#resetCode = Number(reset);
      this.#resetOnceWritten();
    } else {
      this.#status(statusNamed(code) ?? unavailable, `the recorded call ended so: ${code}`);
    }
  }

  #status(code: number, detail: string, metadata: HeaderList = []): void {
    if (this.#ended || this.#stream.destroyed) return;
    const message = percentEncoded(detail.slice(0, longestDetail));
    try {
      this.#end(['grpc-status', String(code), 'grpc-message', message, ...metadata], !this.#headSent);
    } catch {
      this.#stream.close(internalError);
    }
  }
}

/** INTERNAL_ERROR of HTTP/2. */
const internalError = 2;

function statusNamed(name: string): number | undefined {
  for (let code = 1; code <= lastStatus; code++) if (grpcStatusName(code) === name) return code;
  return undefined;
}

function compressed(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  if (coding === 'gzip') return gzipSync(bytes);
  return coding === 'deflate' ? deflateSync(bytes) : undefined;
}

/** Headers as Node takes them: several of one name in a list, in their order. */
function outgoing(headers: HeaderList, without?: string): OutgoingHttpHeaders {
  const sent: Record<string, string | string[]> = Object.create(null);
  for (const [key, value] of headerEntries(headers)) {
    const name = key.toLowerCase();
    if (name.startsWith(':') || notSent.has(name) || name === without) continue;
    const before = sent[name];
    if (before === undefined) sent[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else sent[name] = [before, value];
  }
  return sent;
}

function headOf(status: number, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return { ':status': status, 'content-type': 'application/grpc', ...headers };
}

const hasDate = (headers: HeaderList): boolean => {
  for (const [name] of headerEntries(headers)) if (name.toLowerCase() === 'date') return true;
  return false;
};
