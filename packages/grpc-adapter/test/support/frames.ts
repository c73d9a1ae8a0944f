import { connect, createServer, type Socket } from 'node:net';

/** Frames of HTTP/2 as bytes, for what no library would send (RFC 9113 section 4.1). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(
  type: number,
  flag: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const reset = (stream: number, code: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(frameType.reset, 0, stream, payload);
};

/** A header block without compression: each field literal, not indexed (RFC 7541 section 6.2.2). */
export function headerBlock(
  fields: readonly (readonly [name: string, value: string | Uint8Array])[],
): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.of(0),
      hpackText(Buffer.from(name)),
      hpackText(Buffer.from(value)),
    ]),
  );
}

function hpackText(text: Buffer): Buffer {
  const head: number[] = [];
  let rest = text.length;
  if (rest < 127) head.push(rest);
  else {
    head.push(127);
    for (rest -= 127; rest > 127; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128);
    head.push(rest);
  }
  return Buffer.concat([Buffer.from(head), text]);
}

/** The head of a call as a client sends it. */
export const callHead = (
  path: string,
  ...more: readonly (readonly [string, string | Uint8Array])[]
): readonly (readonly [string, string | Uint8Array])[] => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'shop.test'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ...more,
];

export interface FrameServer extends AsyncDisposable {
  readonly port: number;
}

/** A server that answers each request of HTTP/2 with bytes of its own. */
export async function frameServer(onHeaders: (socket: Socket, stream: number) => void): Promise<FrameServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(frame(frameType.settings, 0, 0));
    let bytes = Buffer.alloc(0);
    let skipped = false;
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!skipped && bytes.length >= preface.length) {
        bytes = bytes.subarray(preface.length);
        skipped = true;
      }
      while (skipped && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        const [type, flag] = [bytes[3], bytes[4]];
        const stream = bytes.readUInt32BE(5);
        bytes = bytes.subarray(9 + length);
        if (type === frameType.settings && flag === 0) socket.write(frame(frameType.settings, 1, 0));
        else if (type === frameType.headers) onHeaders(socket, stream);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Writes bytes to a server, and gives what it answered until that is enough or the connection is closed; then breaks it. */
export async function converse(
  port: number,
  pieces: readonly Uint8Array[],
  enough: (answer: Buffer) => boolean,
): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const got: Buffer[] = [];
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('data', (chunk) => {
      got.push(chunk);
      if (enough(Buffer.concat(got))) resolve();
    });
  });
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  }
  await over;
  socket.resetAndDestroy();
  return Buffer.concat(got);
}

interface Frame {
  readonly type: number;
  readonly flag: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function framesIn(answer: Buffer): Frame[] {
  const out: Frame[] = [];
  for (let at = 0; at + 9 <= answer.length; ) {
    const length = answer.readUIntBE(at, 3);
    const payload = answer.subarray(at + 9, at + 9 + length);
    out.push({
      type: answer[at + 3] ?? 0,
      flag: answer[at + 4] ?? 0,
      stream: answer.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + length;
  }
  return out;
}

/** Whether the stream is over: ended or reset. */
export const isOver =
  (stream: number) =>
  (answer: Buffer): boolean =>
    framesIn(answer).some(
      (each) =>
        each.stream === stream && (each.type === frameType.reset || (each.type < 2 && (each.flag & 1) === 1)),
    );

/** Whether a ping was answered, or everything was refused. */
export const isPonged = (answer: Buffer): boolean =>
  framesIn(answer).some(
    ({ type, flag }) => (type === frameType.ping && flag === 1) || type === frameType.goaway,
  );
