import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { WatchedStream } from './overrides.ts';
import { nodeHeaders } from './proxy-headers.ts';
import { codeOf, type Upstream } from './proxy-upstream.ts';
import { markCall, resetByServer } from './watch-call.ts';

const { NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL } = constants;

/** What of a request decides how it is passed on. */
export interface PassedRequest {
  /** The header block as it goes on: names and values in turns. */
  readonly headers: readonly string[];
  /** It ends with its headers. */
  readonly endStream: boolean;
  /** It is a call of gRPC: what goes wrong is told as gRPC does. */
  readonly isCall: boolean;
}

/** Where a request goes, and who is told when it cannot. */
export interface Way {
  /** As `http://127.0.0.1:50051`. */
  readonly origin: string;
  /** The connection of this client's connection. */
  readonly upstream: Upstream;
  failed(reason: string): void;
}

/** Passes one request on, and what is answered back: bytes, ends and resets as they come, with the backpressure of each side. */
export function pass(down: WatchedStream, request: PassedRequest, way: Way): void {
  // An error is followed by 'close', which acts.
  down.on('error', () => undefined);
  let up: ClientHttp2Stream;
  try {
    const { headers, endStream, isCall } = request;
    up = way.upstream.request(headers, { endStream, waitForTrailers: !isCall && !endStream });
  } catch (error) {
    if (!way.upstream.open) reset(down, constants.NGHTTP2_REFUSED_STREAM);
    else refuse(down, request, way, `this request cannot be sent (${codeOf(error)})`, 'INTERNAL');
    return;
  }
  passUp(down, up, request);
  passDown(down, up, request, way);
}

function passUp(down: WatchedStream, up: ClientHttp2Stream, { isCall, endStream }: PassedRequest): void {
  up.on('drain', () => down.resume());
  down.on('data', (chunk: Buffer) => {
    if (up.writable && !up.write(chunk)) down.pause();
  });
  // The end that a reset makes is none.
  down.on('end', () => {
    if (down.rstCode === NGHTTP2_NO_ERROR) up.end();
  });
  down.on('close', () => {
    if (!up.closed) resetAlone(up, down.rstCode);
  });
  if (isCall || endStream) return;
  let trailers: OutgoingHttpHeaders = {};
  down.on('trailers', (_trailers: unknown, _flags: unknown, raw: readonly string[]) => {
    trailers = nodeHeaders(raw);
  });
  up.on('wantTrailers', () => {
    try {
      up.sendTrailers(trailers);
    } catch {
      // Node lets in more than it sends. Without them, the request would not be the one that was made.
      resetAlone(up, NGHTTP2_INTERNAL_ERROR);
    }
  });
}

function passDown(down: WatchedStream, up: ClientHttp2Stream, request: PassedRequest, way: Way): void {
  let trailers: OutgoingHttpHeaders = {};
  let trailed = false;
  let ended = false;
  const broken = (error: unknown): OutgoingHttpHeaders | undefined => {
    const answer = refuse(
      down,
      request,
      way,
      `its answer cannot be passed on (${codeOf(error)})`,
      'INTERNAL',
    );
    resetAlone(up, NGHTTP2_CANCEL);
    return answer;
  };
  const attempt = (act: () => void): void => {
    if (down.destroyed || down.closed) return;
    try {
      act();
    } catch (error) {
      broken(error);
    }
  };
  /** A client that still sends is told that nobody listens any more. */
  const settle = (): void => {
    if (ended && up.closed && !down.readableEnded && !down.closed) down.close(NGHTTP2_NO_ERROR);
  };
  down.on('drain', () => up.resume());
  down.on('wantTrailers', () => {
    attempt(() => {
      try {
        down.sendTrailers(trailers);
      } catch (error) {
        const answer = broken(error);
        if (answer !== undefined) down.sendTrailers(answer);
      }
    });
    // Node sends them in the next turn.
    setImmediate(settle);
  });
  up.on('headers', (_headers: unknown, _flags: unknown, raw: readonly string[]) => {
    attempt(() => down.additionalHeaders(nodeHeaders(raw)));
  });
  up.on('response', (_headers: unknown, flags: number, raw: readonly string[]) => {
    attempt(() => {
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      ended ||= endStream;
      down.respond(nodeHeaders(raw), { endStream, waitForTrailers: !endStream, sendDate: false });
    });
  });
  up.on('data', (chunk: Buffer) => {
    if (down.writable && !down.write(chunk)) up.pause();
  });
  up.on('trailers', (_trailers: unknown, _flags: unknown, raw: readonly string[]) => {
    trailed = true;
    trailers = nodeHeaders(raw);
  });
  let upEnded = false;
  const end = (): void => {
    if (ended || up.rstCode !== NGHTTP2_NO_ERROR || !down.headersSent) return;
    ended = true;
    down.end();
  };
  up.on('end', () => {
    upEnded = true;
    // Without trailers it is no end of a call. An origin of Node ends its side before it resets the stream.
    if (trailed || !request.isCall) end();
    else setImmediate(end);
  });
  up.on('error', () => undefined);
  up.on('close', () => {
    if (down.destroyed || down.closed) return;
    if (upEnded) end();
    const { lost } = way.upstream;
    if (ended) settle();
    else if (lost === undefined) reset(down, up.rstCode);
    else {
      const answer = refuse(down, request, way, lost, 'UNAVAILABLE');
      if (answer !== undefined) trailers = answer;
    }
  });
}

/** The server's side resets the stream. */
function reset(down: WatchedStream, code: number): void {
  resetByServer(down);
  resetAlone(down, code);
}

/** Resets a stream as its other side was reset. Node by itself would end it first, and the reset would look like a good end. */
function resetAlone<S extends { end(): unknown; close(code: number): void }>(stream: S, code: number): void {
  if (code !== NGHTTP2_NO_ERROR) stream.end = () => stream;
  stream.close(code);
}

const statusOf = { INTERNAL: '13', UNAVAILABLE: '14' } as const;

/**
 * Answers in place of the origin. A mark tells such an answer from one of the service's own.
 *
 * @returns the trailers to send when the answer had begun
 */
function refuse(
  down: WatchedStream,
  { isCall }: PassedRequest,
  way: Way,
  problem: string,
  status: keyof typeof statusOf,
): OutgoingHttpHeaders | undefined {
  if (down.destroyed || down.closed) return undefined;
  way.failed(problem);
  const text = `gardenhose: no answer from ${way.origin}: ${problem}`;
  const answer = { 'grpc-status': statusOf[status], 'grpc-message': percentEncoded(text) };
  markCall(down, 'proxy', down.headersSent ? 'origin-broke-off' : 'origin-failed');
  if (!down.headersSent) {
    if (isCall) answerCall(down, answer);
    else answerRequest(down, `${text}\n`);
    return undefined;
  }
  if (!isCall) {
    reset(down, NGHTTP2_INTERNAL_ERROR);
    return undefined;
  }
  down.end();
  return answer;
}

/** A call that gets nothing but a status. */
export function answerCall(down: WatchedStream, answer: OutgoingHttpHeaders): void {
  const head = { ':status': 200, 'content-type': 'application/grpc', ...answer };
  down.respond(head, { endStream: true, sendDate: false });
  setImmediate(() => {
    if (!down.readableEnded && !down.closed) down.close(NGHTTP2_NO_ERROR);
  });
}

export function answerRequest(down: WatchedStream, text: string): void {
  down.respond({ ':status': 502, 'content-type': 'text/plain; charset=utf-8' }, { sendDate: false });
  down.end(text);
}

/** As `grpc-message` is written (gRPC over HTTP/2, "Status-Message"). */
function percentEncoded(text: string): string {
  return text.replace(/[^\x20-\x7e]|%/gu, (character) => encodeURIComponent(character));
}
