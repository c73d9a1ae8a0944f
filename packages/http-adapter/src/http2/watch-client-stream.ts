import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { ClientExchange } from '../client-exchange.ts';
import { type ClientHead, clientConnectionFacts } from '../to-client-events.ts';
import type { BreakOff, ConnectionFacts } from '../to-events.ts';
import { clientStreamBreakOff, givenBlock, waitsForTrailers } from './to-events.ts';

const connections = new WeakMap<ClientHttp2Session, ConnectionFacts>();

/** Streams whose response has just ended. */
let ending: ClientStreamWatch[] = [];

/** Watches one request that this process makes over HTTP/2, by methods that its stream gets. */
export class ClientStreamWatch {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #exchange: ClientExchange;
  /** The trailers are still to come. */
  readonly #trailersDue: boolean;
  /** Came before Node told of the head. */
  #early: Buffer[] | undefined = [];
  #responseEnd: 'open' | 'held' | 'told' = 'open';
  #broken: BreakOff | undefined;

  /** @param options - Those that the request was made with */
  constructor(
    session: ClientHttp2Session,
    stream: ClientHttp2Stream,
    exchange: ClientExchange,
    options: unknown,
  ) {
    this.#session = session;
    this.#stream = stream;
    this.#exchange = exchange;
    this.#trailersDue = waitsForTrailers(options) && !stream.writableEnded;
  }

  /** Begins. Call it as the request has been made. */
  install(): void {
    const stream = this.#stream;
    // It has no body, and ended as it was made.
    if (stream.writableEnded) this.#exchange.requestEnd();
    if (!stream.pending) this.#tell(() => this.#begin());
    const { push, write, end, sendTrailers, close, destroy, emit } = stream;
    const told = {
      push: (...args: Parameters<typeof push>) => {
        this.#tell(() => this.#pushed(args[0]));
        return push.apply(stream, args);
      },
      write: (...args: unknown[]) => {
        const open = isOpen(stream);
        const more: unknown = Reflect.apply(write, stream, args);
        if (open) this.#tell(() => this.#exchange.requestBytes(args[0], args[1]));
        return more === true;
      },
      end: (...args: unknown[]) => {
        const open = isOpen(stream);
        Reflect.apply(end, stream, args);
        if (open) this.#tell(() => this.#ended(args[0], args[1]));
        return stream;
      },
      sendTrailers: (...args: Parameters<typeof sendTrailers>) => {
        sendTrailers.apply(stream, args);
        this.#tell(() => {
          this.#exchange.requestTrailers(givenBlock(args[0]).headers);
          this.#exchange.requestEnd();
        });
      },
      // Told before: afterwards nothing tells who broke it off.
      close: (...args: Parameters<typeof close>) => {
        if (!stream.closed) this.#tell(() => this.#breaking(undefined));
        close.apply(stream, args);
      },
      destroy: (...args: Parameters<typeof destroy>) => {
        if (!stream.closed && !stream.destroyed) this.#tell(() => this.#breaking(args[0]));
        return destroy.apply(stream, args);
      },
      emit: (name: string | symbol, ...args: unknown[]) => {
        this.#tell(() => this.#emitting(name, args));
        const heard: unknown = Reflect.apply(emit, stream, [name, ...args]);
        if (name === 'close') this.#tell(() => this.#closed());
        return heard === true;
      },
    };
    Object.assign(stream, told);
  }

  #tell(run: () => void): void {
    this.#exchange.guard(run);
  }

  #emitting(name: string | symbol, args: readonly unknown[]): void {
    if (name === 'ready') this.#begin();
    else if (name === 'headers' || name === 'response') this.#head(args[2], name === 'response');
    else if (name === 'trailers') this.#exchange.responseTrailers(givenBlock(args[2]).headers);
  }

  #begin(): void {
    const session = this.#session;
    const known = connections.get(session);
    const facts = known ?? clientConnectionFacts(session.socket, schemeOf(session));
    if (known === undefined) connections.set(session, facts);
    this.#exchange.begin(this.#ownHead(), facts);
  }

  #ownHead(): ClientHead {
    const sent = this.#stream.sentHeaders;
    const text = (name: string): string => String(sent[name] ?? '');
    const authority = sent[':authority'];
    return {
      method: text(':method'),
      target: text(':path'),
      version: '2',
      authority: authority === undefined ? undefined : String(authority),
      headers: givenBlock(sent).headers,
    };
  }

  #head(raw: unknown, final: boolean): void {
    const { status, headers } = givenBlock(raw);
    this.#exchange.responseHead(status, '', '2', headers);
    if (!final) return;
    for (const bytes of this.#early ?? []) this.#exchange.responseBytes(bytes);
    this.#early = undefined;
  }

  #pushed(chunk: unknown): void {
    if (this.#responseEnd !== 'open') return;
    if (chunk !== null) {
      // Node tells of the head in the next turn, and of bytes at once.
      if (this.#early === undefined) this.#exchange.responseBytes(chunk);
      else if (chunk instanceof Uint8Array) this.#early.push(Buffer.from(chunk));
    } else if (!this.#stream.closed && !this.#stream.destroyed) {
      // Trailers are told in the next turn, and a server that resets may end its side first.
      this.#responseEnd = 'held';
      if (ending.length === 0) setImmediate(tellEnds);
      ending.push(this);
    }
  }

  /** Tells the end of the response, if it has ended and nothing was broken off. */
  tellEnd(): void {
    if (this.#responseEnd !== 'held' || this.#stream.rstCode !== 0 || this.#early !== undefined) return;
    this.#responseEnd = 'told';
    this.#exchange.responseEnd();
  }

  #ended(chunk: unknown, encoding: unknown): void {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.#exchange.requestBytes(chunk, encoding);
    }
    if (!this.#trailersDue) this.#exchange.requestEnd();
  }

  #breaking(error: unknown): void {
    this.#broken ??= clientStreamBreakOff(this.#session, error);
  }

  #closed(): void {
    this.tellEnd();
    const { rstCode } = this.#stream;
    if (this.#responseEnd === 'told') {
      // The server answered without waiting for the rest.
      this.#exchange.requestEnd(false);
      return;
    }
    const { by, code } = this.#broken ?? { by: 'server', code: '' };
    const told = code === '' ? `RST_STREAM ${rstCode}` : code;
    if (this.#exchange.waiting) {
      const nowhere = clientConnectionFacts(undefined, schemeOf(this.#session));
      this.#exchange.failUnsent(this.#ownHead(), nowhere, by, told);
    } else this.#exchange.abort(by, told);
  }
}

/** Whether this is a tunnel or a WebSocket (RFC 8441), or a call of gRPC, which has a tap of its own. */
export function isNoRequest(stream: ClientHttp2Stream): boolean {
  const sent = stream.sentHeaders;
  return (
    sent[':method'] === 'CONNECT' ||
    /^application\/grpc(?:[+;\s]|$)/i.test(String(sent['content-type'] ?? ''))
  );
}

const isOpen = ({ writableEnded, destroyed, closed }: ClientHttp2Stream): boolean =>
  !writableEnded && !destroyed && !closed;

const schemeOf = (session: ClientHttp2Session): 'http' | 'https' =>
  session.encrypted === true ? 'https' : 'http';

function tellEnds(): void {
  const ended = ending;
  ending = [];
  for (const watch of ended) watch.tellEnd();
}
