import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';

/** A server that listens on a free port of the loopback and is gone, with its connections, at the end of its scope. */
export async function listening(
  server: Server,
): Promise<AsyncDisposable & { readonly server: Server; readonly port: number; readonly origin: string }> {
  // Those that were upgraded are no longer the server's to close.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    server,
    port: address.port,
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/** A plain connection: what a test writes is what goes out, and what comes in is kept byte for byte. */
export class RawClient {
  readonly socket: Socket;
  private received = '';
  private closed = false;
  private waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const wake = (): void => {
      const all = this.waiting;
      this.waiting = [];
      for (const one of all) one();
    };
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      wake();
    });
    socket.on('close', () => {
      this.closed = true;
      wake();
    });
    // A reset is part of what is tested; 'close' follows.
    socket.on('error', () => undefined);
  }

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(connect(port, '127.0.0.1'));
    await once(client.socket, 'connect');
    client.socket.setNoDelay();
    return client;
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Everything received, in latin1, with the Date header's value replaced: the one part that no two runs share. */
  get text(): string {
    return this.received.replace(/\r\nDate: [^\r]*/g, '\r\nDate: (now)');
  }

  /** Resolves when what was received matches, or the server closed. */
  async until(pattern: RegExp | string): Promise<string> {
    for (;;) {
      if (typeof pattern === 'string' ? this.text.includes(pattern) : pattern.test(this.text))
        return this.text;
      await this.more();
    }
  }

  /** Resolves when something more has come. */
  async more(): Promise<void> {
    if (this.closed) throw new Error(`the server closed, after: ${this.text}`);
    await new Promise<void>((wake) => this.waiting.push(wake));
  }

  async untilClosed(): Promise<string> {
    while (!this.closed) await new Promise<void>((wake) => this.waiting.push(wake));
    return this.text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
