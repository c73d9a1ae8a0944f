import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { type AnswerError, type PinnedAddresses, type SenderTlsOptions, systemClock } from '@gardenhose/core';
import { dialOptions, tlsOptions } from '@gardenhose/core/adapter';

export interface ConnectionOptions {
  readonly url: URL;
  readonly tls: SenderTlsOptions;
  readonly connectTimeoutMs: number;
  /** As {@link dialOptions} takes it. */
  readonly pinned?: (() => PinnedAddresses | undefined) | undefined;
}

/** A call that waits for its stream. */
export interface StreamUser {
  /** Whether it still wants one. */
  readonly waits: boolean;
  /** Takes a stream of the session, now; says whether it did. Whoever took one gives it back by {@link Connection.released}. */
  begin(session: ClientHttp2Session): boolean;
  refuse(error: AnswerError): void;
}

/** A target is not held up because this side takes a moment to read. */
const flowWindow = 4 * 1024 * 1024;
/** What is kept of answers is bounded elsewhere. In megabytes. */
const maxSessionMemory = 65_536;
/** A connection that nothing passes over for long is not forgotten by what stands between. */
const keepAliveMs = 30_000;

const ended: AnswerError = {
  code: 'replay-aborted',
  message: 'The replay was ended before it was connected',
};

/**
 * One HTTP/2 connection to the target, made when it is needed and made again when the target has closed it or said that it will
 * (GOAWAY). Calls beyond the number of streams that the target allows at once wait here, in their order. A target that allows none
 * is given as long as it has to connect; then calls are refused until it allows some.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  /** In their order. */
  readonly #waiting = new Set<StreamUser>();
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<AnswerError | undefined> | undefined;
  /** The last stream that the target has looked at or may yet, of connections that it goes away from. */
  readonly #lastStreams = new WeakMap<ClientHttp2Session, number>();
  #streams = 0;
  /** None until the target has told its settings. */
  #maxStreams = 0;
  /** Set while the target allows no stream, over connections. */
  #undoPatience: (() => void) | undefined;
  #outOfPatience = false;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Connects, where it is not connected. Resolves to what went wrong, if something did. */
  connect(): Promise<AnswerError | undefined> {
    if (this.#usable() !== undefined) return Promise.resolve(undefined);
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Lets a call begin, at once where that can be. */
  give(user: StreamUser): void {
    const session = this.#usable();
    if (session !== undefined && this.#streams < this.#maxStreams) {
      this.#begin(user, session);
      return;
    }
    if (session !== undefined && this.#outOfPatience) {
      user.refuse(this.#noStreams());
      return;
    }
    this.#waiting.add(user);
    if (session === undefined || this.#connecting !== undefined) this.#serveWhenConnected();
  }

  /** Lets a call begin that the target did not take on this connection, which gets no other call either. */
  giveAfter(session: ClientHttp2Session, user: StreamUser): void {
    // Calls under way come to their ends. A refusal may be the first of a GOAWAY that is on its way.
    if (!session.closed && !session.destroyed) session.close();
    this.give(user);
  }

  /** Whether a GOAWAY of the target left this stream out. */
  unseen(session: ClientHttp2Session, stream: ClientHttp2Stream): boolean {
    const last = this.#lastStreams.get(session);
    return last !== undefined && stream.id !== undefined && stream.id > last;
  }

  /** A call that may be waiting needs no stream any more. */
  withdraw(user: StreamUser): void {
    if (this.#waiting.size > 0) this.#waiting.delete(user);
  }

  /** A stream that a call had is closed. */
  released(session: ClientHttp2Session): void {
    // Those of a connection before this one were forgotten with it.
    if (session !== this.#session) return;
    this.#streams--;
    this.#serve();
  }

  close(): void {
    this.#closed = true;
    this.#undoPatience?.();
    this.#session?.destroy();
    this.#refuse(ended);
  }

  #usable(): ClientHttp2Session | undefined {
    const session = this.#session;
    return session === undefined || session.closed || session.destroyed ? undefined : session;
  }

  #begin(user: StreamUser, session: ClientHttp2Session): void {
    if (user.begin(session)) this.#streams++;
  }

  #serveWhenConnected(): void {
    void this.connect().then((problem) => {
      if (problem === undefined) this.#serve();
      else this.#refuse(problem);
    });
  }

  #serve(): void {
    for (const user of this.#waiting) {
      const session = this.#usable();
      if (session === undefined) {
        this.#serveWhenConnected();
        return;
      }
      if (this.#streams >= this.#maxStreams) return;
      this.#waiting.delete(user);
      if (user.waits) this.#begin(user, session);
    }
  }

  #refuse(error: AnswerError): void {
    const users = [...this.#waiting];
    this.#waiting.clear();
    for (const user of users) user.refuse(error);
  }

  /** Takes what the target says of its streams. None is meant to be allowed for short times only (RFC 9113 section 6.5.2). */
  #allow(streams: number): void {
    this.#maxStreams = streams;
    if (streams > 0) {
      this.#undoPatience?.();
      this.#undoPatience = undefined;
      this.#outOfPatience = false;
      this.#serve();
    } else if (this.#outOfPatience) {
      this.#refuse(this.#noStreams());
    } else {
      this.#undoPatience ??= systemClock.after(this.#options.connectTimeoutMs, () => {
        this.#outOfPatience = true;
        this.#refuse(this.#noStreams());
      });
    }
  }

  #noStreams(): AnswerError {
    const { url, connectTimeoutMs } = this.#options;
    return unreachable(
      `${describeTarget(url)} has allowed no call for ${connectTimeoutMs} ms (SETTINGS_MAX_CONCURRENT_STREAMS 0)`,
    );
  }

  async #open(): Promise<AnswerError | undefined> {
    const { url } = this.#options;
    const socket = await openSocket(this.#options);
    if (!isSocket(socket)) return socket;
    if (this.#closed) {
      socket.destroy();
      return ended;
    }
    const session = connectHttp2(url.protocol === 'https:' ? url.origin : `http://${authorityOf(url)}`, {
      createConnection: () => socket,
      maxSessionMemory,
      settings: { enablePush: false, initialWindowSize: flowWindow },
    });
    this.#session = session;
    this.#streams = 0;
    this.#maxStreams = 0;
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      if (session === this.#session) this.#allow(maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
    });
    // Where its code is an error, Node breaks off all streams alike, without a word on which of them were seen.
    session.on('goaway', (_code, last) => {
      this.#lastStreams.set(session, Math.min(last, this.#lastStreams.get(session) ?? last));
    });
    session.once('close', () => {
      // Those that wait without a call under way have nobody else to hear of it.
      if (session === this.#session && !this.#closed) this.#serve();
    });
    return this.#settled(session);
  }

  /** Until the target has sent its settings: then it speaks HTTP/2. */
  #settled(session: ClientHttp2Session): Promise<AnswerError | undefined> {
    const { url, connectTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      const fail = () => {
        undo();
        session.destroy();
        resolve(this.#closed ? ended : unreachable(notHttp2(url)));
      };
      const undo = systemClock.after(connectTimeoutMs, fail);
      session.once('remoteSettings', () => {
        undo();
        session.setLocalWindowSize(flowWindow);
        resolve(undefined);
      });
      // Also later: what it means for a call is told by the call's stream.
      session.on('error', fail);
      session.once('close', fail);
    });
  }
}

export const isSocket = (made: Socket | AnswerError): made is Socket => 'destroy' in made;

const unreachable = (message: string): AnswerError => ({ code: 'target-unreachable', message });

/** What is said of a target that takes connections and then does not say a word of HTTP/2. */
export function notHttp2(url: URL): string {
  const plain = url.protocol === 'https:' ? '' : ' without TLS; give it as https: if it is served with TLS';
  return `${describeTarget(url)} takes connections but does not speak HTTP/2${plain}`;
}

/** What a target is called in messages. */
export function describeTarget(url: URL): string {
  return url.protocol === 'unix:' ? url.href : url.origin;
}

/** What a target is called in `:authority`. A socket in the file system has no name there. */
export function authorityOf(url: URL): string {
  return url.protocol === 'unix:' ? 'localhost' : url.host;
}

/** Connects; or says why that cannot be. */
export function openSocket(options: ConnectionOptions): Promise<Socket | AnswerError> {
  const { url, tls, connectTimeoutMs, pinned } = options;
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    const socket: Socket = secure
      ? connectTls({ ...dialOptions(url, pinned), ...tlsOptions(url, tls, 'h2') })
      : connectTcp(
          url.protocol === 'unix:' ? { path: decodeURIComponent(url.pathname) } : dialOptions(url, pinned),
        );
    const fail = (what: string) => {
      undo();
      socket.destroy();
      resolve(unreachable(what));
    };
    const undo = systemClock.after(connectTimeoutMs, () =>
      fail(`${describeTarget(url)} took longer than ${connectTimeoutMs} ms to connect`),
    );
    const failed = (error: NodeJS.ErrnoException) => fail(whyNot(url, error));
    socket.once('error', failed);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') {
        fail(`${url.origin} does not speak HTTP/2 over TLS (no ALPN protocol h2), which gRPC needs`);
        return;
      }
      undo();
      socket.off('error', failed);
      socket.setKeepAlive(true, keepAliveMs);
      resolve(socket);
    });
  });
}

function whyNot(url: URL, error: NodeJS.ErrnoException): string {
  const target = describeTarget(url);
  const code = error.code ?? error.name;
  if (code === 'ECONNREFUSED' || (code === 'ENOENT' && url.protocol === 'unix:')) {
    return `Nothing listens at ${target} (${code}); start the target or correct the ${url.protocol === 'unix:' ? 'path' : 'port'}`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `The host of ${target} is not known (${code})`;
  if (
    url.protocol === 'https:' &&
    (/SSL|TLS|CERT|SIGNATURE|SELF_SIGNED|EPROTO/.test(code) || code === 'ECONNRESET')
  ) {
    return `No TLS with ${target} (${code}): give its authority as tls.ca, its name as tls.servername, or http: where it has no TLS`;
  }
  return `${target} cannot be connected (${code})`;
}
