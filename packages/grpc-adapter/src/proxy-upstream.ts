import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type OriginTlsOptions, systemClock } from '@gardenhose/core';
import { nodeHeaders } from './proxy-headers.ts';

/** What a connection to an origin tells the connection of the client for which it was made. */
export interface UpstreamEvents {
  /** The origin takes no more requests here; those under way may end. */
  closing(): void;
  /** It is gone. */
  closed(goawayCode: number | undefined, debugData: Buffer | undefined): void;
  /** The most requests at once that the origin takes on it. */
  limit(maxConcurrentStreams: number): void;
}

/** As gRPC's own. */
const connectTimeoutMs = 20_000;
/** What may be under way on a connection, and in each stream of it, before it is read on the other side. */
export const connectionWindow: number = 4 * 1024 * 1024;
export const streamWindow: number = 256 * 1024;
/** Of one header block. The origin's own limits are the ones that shall hold. */
export const maxHeaderBytes: number = 256 * 1024;
export const maxHeaderPairs = 10_000;

const noAlpn = 'it does not speak HTTP/2 over TLS (no ALPN protocol h2), which gRPC needs';

/** One connection to the origin. */
export class Upstream {
  readonly #url: URL;
  readonly #session: ClientHttp2Session;
  #connected = false;
  /** It has spoken HTTP/2. */
  #spoke = false;
  #problem: string | undefined;
  #goawayCode: number | undefined;
  #debugData: Buffer | undefined;

  constructor(url: URL, tls: OriginTlsOptions, events: UpstreamEvents) {
    this.#url = url;
    const socket = url.protocol === 'https:' ? this.#openTls(tls) : this.#openTcp();
    // Before the session hears of it and ends its streams.
    socket.once('error', (error) => {
      this.#problem ??= this.#spoke ? codeOf(error) : this.#noHttp2(error);
    });
    const session = connect(url, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindow, maxHeaderListSize: maxHeaderBytes },
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      maxHeaderListPairs: maxHeaderPairs,
      maxSendHeaderBlockLength: 2 * maxHeaderBytes,
      // Newer versions of Node than the oldest that is supported pass on two values of what should have one.
      ...{ strictSingleValueFields: false },
    });
    this.#session = session;
    const undo = systemClock.after(connectTimeoutMs, () => {
      if (!this.#connected) this.#fail(`it took longer than ${connectTimeoutMs} ms to connect`);
    });
    session.once('connect', () => {
      this.#connected = true;
      undo();
      // The client may have gone away in this moment.
      if (!session.destroyed) session.setLocalWindowSize(connectionWindow);
    });
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.#spoke = true;
      if (maxConcurrentStreams !== undefined) events.limit(maxConcurrentStreams);
    });
    session.on('goaway', (code, _lastStream, data) => {
      this.#goawayCode = code;
      this.#debugData = data === undefined ? undefined : Buffer.from(data);
      if (code === constants.NGHTTP2_NO_ERROR) events.closing();
      else this.#problem ??= `it ended the connection: GOAWAY ${code}${printable(this.#debugData)}`;
    });
    session.on('error', (error) => {
      this.#problem ??= this.#spoke ? codeOf(error) : this.#noHttp2(error);
    });
    session.once('close', () => {
      undo();
      this.#problem ??= this.#spoke ? 'it closed the connection' : this.#noHttp2(undefined);
      events.closed(this.#goawayCode, this.#debugData);
    });
  }

  /** Whether requests can still be asked on it. */
  get open(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Why it is gone; undefined while it is there. */
  get lost(): string | undefined {
    if (!this.#session.destroyed) return undefined;
    return this.#problem ?? (this.#spoke ? 'it closed the connection' : this.#noHttp2(undefined));
  }

  /** @throws what Node throws for a head that it does not send, or a connection that takes no more */
  request(
    raw: readonly string[],
    options: { readonly endStream: boolean; readonly waitForTrailers: boolean },
  ): ClientHttp2Stream {
    return this.#session.request(nodeHeaders(raw), options);
  }

  /** Takes no more requests; ends when those under way have ended. */
  close(): void {
    if (this.#connected) this.#session.close();
    else this.destroy();
  }

  destroy(): void {
    this.#session.destroy();
  }

  #openTcp(): Socket {
    return connectTcp(addressOf(this.#url));
  }

  #openTls(tls: OriginTlsOptions): TLSSocket {
    const socket = connectTls({ ...addressOf(this.#url), ...tls, ALPNProtocols: ['h2'] });
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol !== 'h2') this.#fail(noAlpn);
    });
    return socket;
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
    this.#session.destroy(new Error(problem));
  }

  /** Why there was no HTTP/2 to begin with. */
  #noHttp2(error: Error | undefined): string {
    const code = codeOf(error);
    const secure = this.#url.protocol === 'https:';
    if (secure && !this.#connected) {
      if (code.endsWith('NO_APPLICATION_PROTOCOL')) return noAlpn;
      if (/CERT|SIGNATURE|SELF_SIGNED|ISSUER|ALTNAME/.test(code)) {
        return `its certificate is not trusted (${code}); name its authority, and the host as the certificate has it`;
      }
      if (/SSL|TLS|EPROTO|ECONNRESET|SOCKET_CLOSED|failed/.test(code)) {
        return `there is no TLS (${code}); give it as http: if it has none`;
      }
    }
    if (!this.#connected || secure) return code;
    return 'it does not speak HTTP/2 without TLS; give it as https: if it has TLS';
  }
}

function addressOf(url: URL): { readonly host: string; readonly port: number } {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)) };
}

export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'failed';
}

/** What an origin says with a GOAWAY, such as `too_many_pings`. */
function printable(data: Buffer | undefined): string {
  const text =
    data
      ?.subarray(0, 80)
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '?') ?? '';
  return text === '' ? '' : ` (${text})`;
}
