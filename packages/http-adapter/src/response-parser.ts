import type { AnswerHead, ErrorCode } from '@gardenhose/core';

/** Bounds on what a target may make the parser hold. */
export interface ResponseLimits {
  /** A head, or the trailers. Default 65,536. */
  readonly maxHeadBytes: number;
  /** Header fields of a head, or of the trailers. Default 2,000. */
  readonly maxHeaders: number;
  /** A line that tells the size of a chunk, with its extensions. Default 1,024. */
  readonly maxChunkLineBytes: number;
  /** Heads with a status below 200 before the final one. Default 32. */
  readonly maxInformational: number;
}

export const defaultResponseLimits: ResponseLimits = {
  maxHeadBytes: 65_536,
  maxHeaders: 2_000,
  maxChunkLineBytes: 1_024,
  maxInformational: 32,
};

/** Takes the pieces of one answer. Bytes are views of what was given to the parser. */
export interface ResponseSink {
  informational(head: AnswerHead): void;
  head(head: AnswerHead): void;
  body(data: Uint8Array, at: number): void;
  trailers(headers: readonly string[]): void;
}

/** Why bytes are no answer. */
export class ResponseFault extends Error {
  readonly code: Extract<ErrorCode, 'response-malformed' | 'response-limit'>;

  constructor(code: ResponseFault['code'], message: string) {
    super(message);
    this.code = code;
  }
}

type State = 'head' | 'length' | 'close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'done';

/**
 * Reads HTTP/1.x answers (RFC 9112) off a connection, one at a time, however they are cut into pieces. Strict, because what
 * two readers may read in two ways is how answers get mixed up: a bare LF, a folded header, both of Content-Length and
 * Transfer-Encoding, or two of the former, are faults.
 */
export class ResponseParser {
  readonly #limits: ResponseLimits;
  readonly #sink: ResponseSink;
  #state: State = 'done';
  #method = '';
  #left = 0;
  #informational = 0;
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;
  #text = '';
  #keepAlive = true;
  #upgraded = false;

  constructor(limits: ResponseLimits, sink: ResponseSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  /** The answer is whole. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** Whether another answer may follow on the connection. Known with the head. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** The answer was 101: what follows is not HTTP/1. */
  get upgraded(): boolean {
    return this.#upgraded;
  }

  /** Makes ready for the answer to a request of this method. */
  expect(method: string): void {
    this.#method = method;
    this.#state = 'head';
    this.#informational = 0;
    this.#heldLength = 0;
    this.#keepAlive = true;
    this.#upgraded = false;
  }

  /**
   * Takes the bytes of `data` from `offset` on that belong to the answer.
   *
   * @returns where the answer ends in `data`; its length when it does not
   * @throws {@link ResponseFault}
   */
  execute(data: Buffer, offset: number, at: number): number {
    let from = offset;
    while (from < data.length && this.#state !== 'done') {
      switch (this.#state) {
        case 'head':
          from = this.#readHead(data, from, at);
          break;
        case 'length':
        case 'chunk-data':
          from = this.#readCounted(data, from, at);
          break;
        case 'close':
          this.#sink.body(data.subarray(from), at);
          from = data.length;
          break;
        case 'chunk-size':
          from = this.#readChunkSize(data, from);
          break;
        case 'chunk-end':
          from = this.#readChunkEnd(data, from);
          break;
        case 'trailers':
          from = this.#readTrailers(data, from);
          break;
      }
    }
    return from;
  }

  /** The connection has ended. Whether that makes the answer whole. */
  finish(): boolean {
    if (this.#state !== 'close') return false;
    this.#state = 'done';
    return true;
  }

  #readHead(data: Buffer, from: number, at: number): number {
    const end = this.#hold(data, from, '\r\n\r\n', this.#limits.maxHeadBytes, 'a response head');
    if (end < 0) {
      this.#checkBeginning();
      return data.length;
    }
    const lines = this.#lines();
    const head = parseHead(lines, at, this.#limits.maxHeaders);
    if (head.status < 200 && head.status !== 101) {
      if (++this.#informational > this.#limits.maxInformational) {
        throw new ResponseFault(
          'response-limit',
          `more than ${this.#limits.maxInformational} informational heads before an answer`,
        );
      }
      this.#sink.informational(head);
      return end;
    }
    this.#frame(head);
    this.#sink.head(head);
    return end;
  }

  /** Bytes that begin no answer are told at once: the end of a head may never come. */
  #checkBeginning(): void {
    const length = Math.min(this.#heldLength, answerBeginning.length);
    if (this.#held.toString('latin1', 0, length) !== answerBeginning.slice(0, length)) throw noStatusLine();
  }

  /** How the body is delimited: RFC 9112 section 6.3. */
  #frame(head: AnswerHead): void {
    const framing = readFraming(head);
    this.#keepAlive = framing.keepAlive;
    if (head.status === 101) {
      this.#upgraded = true;
      this.#keepAlive = false;
      this.#state = 'done';
    } else if (this.#method === 'HEAD' || head.status === 204 || head.status === 304) {
      this.#state = 'done';
    } else if (framing.chunked) {
      this.#state = 'chunk-size';
    } else if (framing.length !== undefined) {
      this.#left = framing.length;
      this.#state = this.#left === 0 ? 'done' : 'length';
    } else {
      this.#keepAlive = false;
      this.#state = 'close';
    }
  }

  #readCounted(data: Buffer, from: number, at: number): number {
    const end = Math.min(data.length, from + this.#left);
    this.#sink.body(data.subarray(from, end), at);
    this.#left -= end - from;
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end';
    return end;
  }

  #readChunkSize(data: Buffer, from: number): number {
    const end = this.#hold(data, from, '\r\n', this.#limits.maxChunkLineBytes, 'the line of a chunk size');
    if (end < 0) return data.length;
    const [line = ''] = this.#lines();
    const match = chunkLine.exec(line);
    if (match?.[1] === undefined) throw malformed('the line of a chunk size is not valid');
    this.#left = Number.parseInt(match[1], 16);
    if (this.#left > Number.MAX_SAFE_INTEGER) throw malformed('a chunk size is too large to count');
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
    return end;
  }

  #readChunkEnd(data: Buffer, from: number): number {
    const wanted = this.#heldLength === 0 ? 13 : 10;
    if (data[from] !== wanted) throw malformed('a chunk is not followed by CRLF');
    if (wanted === 13) {
      this.#heldLength = 1;
    } else {
      this.#heldLength = 0;
      this.#state = 'chunk-size';
    }
    return from + 1;
  }

  #readTrailers(data: Buffer, from: number): number {
    // No trailers is the usual case: the empty line comes at once.
    const end = this.#hold(data, from, '\r\n\r\n', this.#limits.maxHeadBytes, 'a list of trailers', true);
    if (end < 0) return data.length;
    const trailers = parseFields(this.#lines(), 0, this.#limits.maxHeaders);
    if (trailers.length > 0) this.#sink.trailers(trailers);
    this.#state = 'done';
    return end;
  }

  /**
   * Takes bytes up to and with the next `stop`, which may have begun in an earlier piece. Returns where it ends in `data`, or
   * -1 when it is not there yet. With `emptyToo`, a line end that nothing stands before is a stop as well.
   */
  #hold(data: Buffer, from: number, stop: string, limit: number, what: string, emptyToo = false): number {
    const before = this.#heldLength;
    if (before === 0) {
      // The usual case: it is all in one piece, and nothing need be copied.
      const end = findStop(data, from, from, stop, emptyToo);
      if (end >= 0 && end - from <= limit) {
        this.#text = data.toString('latin1', from, end);
        return end;
      }
    }
    // No more than the limit is ever held or searched.
    this.#append(data.subarray(from, Math.min(data.length, from + limit - before + stop.length)));
    const held = this.#held.subarray(0, this.#heldLength);
    const end = findStop(held, 0, Math.max(0, before - stop.length + 1), stop, emptyToo);
    if (end > limit || (end < 0 && held.length > limit)) {
      throw new ResponseFault('response-limit', `${what} is longer than ${limit} bytes`);
    }
    if (end < 0) {
      checkLineEnds(held, before);
      return -1;
    }
    this.#text = held.toString('latin1', 0, end);
    this.#heldLength = 0;
    return from + end - before;
  }

  #append(piece: Buffer): void {
    const length = this.#heldLength + piece.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2, 512));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    piece.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }

  /** The lines of what was taken last. */
  #lines(): string[] {
    const lines = this.#text.split('\r\n');
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }
}

/** Where `stop` ends, when it begins at `search` or later; -1 when it does not. */
function findStop(bytes: Buffer, from: number, search: number, stop: string, emptyToo: boolean): number {
  if (emptyToo && bytes[from] === 13 && bytes[from + 1] === 10) return from + 2;
  const found = bytes.indexOf(stop, search, 'latin1');
  return found < 0 ? -1 : found + stop.length;
}

function parseHead(lines: readonly string[], at: number, maxHeaders: number): AnswerHead {
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(lines[0] ?? '');
  if (match === null) throw noStatusLine();
  const [, minor, status, reason = ''] = match;
  if (minor === '0' && Number(status) < 200)
    throw malformed('it has an informational status, which HTTP/1.0 does not know');
  return {
    at,
    status: Number(status),
    reason,
    version: `1.${minor}`,
    headers: parseFields(lines, 1, maxHeaders),
  };
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A size, and extensions that nothing is made of: RFC 9112 section 7.1, without the blanks that Node refuses too. */
const chunkLine =
  /^([0-9a-fA-F]{1,13})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

function parseFields(lines: readonly string[], first: number, maxHeaders: number): string[] {
  if (lines.length - first > maxHeaders) {
    throw new ResponseFault('response-limit', `it has more than ${maxHeaders} header fields`);
  }
  const headers: string[] = [];
  for (let i = first; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1);
    if (!token.test(name)) throw malformed('a header field has no valid name');
    if (!fieldValue.test(value)) throw malformed('a header field has a control character in its value');
    headers.push(name, trimBlanks(value));
  }
  return headers;
}

function trimBlanks(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from++;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to--;
  return value.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

interface Framing {
  readonly chunked: boolean;
  readonly length: number | undefined;
  readonly keepAlive: boolean;
}

function readFraming({ headers, version }: AnswerHead): Framing {
  let codings: string[] | undefined;
  let length: number | undefined;
  let close = false;
  let keep = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase();
    const value = headers[i + 1] ?? '';
    if (name === 'content-length') {
      if (length !== undefined) throw malformed('it has two Content-Length fields');
      if (!/^\d{1,15}$/.test(value)) throw malformed('its Content-Length is not a number');
      length = Number(value);
    } else if (name === 'transfer-encoding') {
      codings = [...(codings ?? []), ...listed(value)];
    } else if (name === 'connection') {
      const options = listed(value);
      close ||= options.includes('close');
      keep ||= options.includes('keep-alive');
    }
  }
  const keepAlive = !close && (version === '1.1' || keep);
  if (codings === undefined) return { chunked: false, length, keepAlive };
  if (length !== undefined) throw malformed('it has both of Transfer-Encoding and Content-Length');
  if (version !== '1.1') throw malformed('it has a Transfer-Encoding, which HTTP/1.0 does not know');
  const chunked = codings.indexOf('chunked');
  if (chunked >= 0 && chunked !== codings.length - 1)
    throw malformed('chunked is not its last Transfer-Encoding');
  return { chunked: chunked >= 0, length, keepAlive };
}

function listed(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
}

/** A line that ends in LF alone would be waited for in vain. */
function checkLineEnds(held: Buffer, from: number): void {
  for (let lf = held.indexOf(10, from); lf >= 0; lf = held.indexOf(10, lf + 1)) {
    if (lf === 0 || held[lf - 1] !== 13) throw malformed('a line does not end in CRLF');
  }
}

const answerBeginning = 'HTTP/1.';

function noStatusLine(): ResponseFault {
  return malformed('it does not begin with a status line of HTTP/1');
}

function malformed(problem: string): ResponseFault {
  return new ResponseFault('response-malformed', problem);
}
