import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  type Answer,
  type AnswerError,
  type AnswerHead,
  type HeaderList,
  headerEntries,
  headerValue,
  type RunTimer,
  type Shipment,
  type ShipmentPart,
  systemClock,
} from '@gardenhose/core';
import { AnswerChunks } from '../answer-chunks.ts';
import { ResponseFault, ResponseParser } from '../response-parser.ts';
import type { ConnectionOptions } from '../sender-connection.ts';
import { FrameFault, type FrameMessage, FrameReader, opcode } from './frame-reader.ts';
import { maskedFrame } from './frame-writer.ts';
import { acceptOf, type Deflate, deflateOf, extensionsOf, switchesToWebSocket } from './handshake.ts';
import { KeptMessages, type MessagesOfAnswer } from './kept-messages.ts';
import { PartPacer } from './part-pacer.ts';
import { isAwaited } from './to-conversation.ts';

/** What all WebSockets of a sender share. */
export interface SocketOptions extends ConnectionOptions {
  /** How long a message waits for those of the answer that it came after, and a close for the other. */
  readonly maxMessageWaitMs: number;
}

/** Pongs that the target does not take are not put on top of each other without end. */
const maxUnwritten = 64 * 1024;
/** How long a connection that was closed may take to end. */
const maxLeaveMs = 1_000;

/** One WebSocket under way: asks for it, says what its client said, each message at its time, and takes what comes. */
export class SentSocket {
  readonly answered: Promise<Answer>;
  readonly #shipment: Shipment;
  readonly #options: SocketOptions;
  readonly #timer: RunTimer;
  readonly #stream: Duplex;
  readonly #key: string = randomBytes(16).toString('base64');
  readonly #parser: ResponseParser;
  #reader: FrameReader | undefined;
  readonly #pacer: PartPacer;
  readonly #messages: KeptMessages;
  readonly #body = new AnswerChunks();
  #bodySize = 0;
  #bodyKept = 0;
  #deflate: Deflate | undefined;
  #informational: AnswerHead[] = [];
  #head: AnswerHead | undefined;
  #trailers: readonly string[] = [];
  #state: 'asked' | 'open' | 'refused' | 'over' = 'asked';
  #sentAt: number | undefined;
  #firstByteAt: number | undefined;
  #closeSent = false;
  /** Its client broke off by now, when the handshake had been answered. */
  #abandonedEarly = false;
  #undoClose: (() => void) | undefined;
  #resolve: (answer: Answer) => void = () => {};

  /** @param stream - Connected to the target */
  constructor(shipment: Shipment, options: SocketOptions, timer: RunTimer, stream: Duplex) {
    this.#shipment = shipment;
    this.#options = options;
    this.#timer = timer;
    this.#stream = stream;
    this.answered = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#parser = new ResponseParser(options.limits, {
      informational: (head) => this.#informational.push(head),
      head: (head) => this.#answerBegan(head),
      body: (data, at) => this.#takeBody(data, at),
      trailers: (headers) => {
        this.#trailers = headers;
      },
    });
    this.#parser.expect('GET');
    this.#messages = new KeptMessages(options.maxBodyBytes, options.room);
    const maxWaitNs = options.maxMessageWaitMs * 1e6;
    this.#pacer = new PartPacer(shipment.parts, timer, maxWaitNs, (part, written) =>
      this.#say(part, written),
    );
    stream.on('data', (data: Buffer) => this.#data(data));
    stream.on('end', () => this.#ended());
    stream.on('error', (error: NodeJS.ErrnoException) => this.#lost(error.code ?? error.name));
    stream.on('close', () => this.#lost(undefined));
  }

  /** Starts now; the parts follow at their offsets from here. */
  begin(): void {
    const { method, head } = this.#shipment;
    const headers = withKey(head?.headers ?? [], this.#key);
    const lines = Array.from(headerEntries(headers), ([name, value]) => `${name}: ${value}\r\n`);
    this.#sentAt = this.#timer.nowNs();
    this.#pacer.begin(this.#sentAt);
    this.#stream.write(`GET ${method} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  }

  /** Ends it with what came so far: with the error that is given, or as its client broke it off. */
  abandon(error?: AnswerError): void {
    if (error !== undefined) {
      this.#settle({ error });
      return;
    }
    // What is due goes first: also where the handshake takes longer now.
    const { abandonNs, parts } = this.#shipment;
    if (this.#state === 'asked' && abandonNs !== undefined && parts.length > 0) this.#abandonedEarly = true;
    else this.#breakOff();
  }

  #breakOff(): void {
    this.#pacer.flush();
    this.#settle({ abandoned: true });
  }

  #data(data: Buffer): void {
    const at = this.#timer.nowNs();
    this.#firstByteAt ??= at;
    try {
      let from = 0;
      if (this.#state === 'asked' || this.#state === 'refused') from = this.#parser.execute(data, 0, at);
      if (this.#state === 'refused' && this.#parser.done) this.#settle({});
      if (this.#state === 'open' && from < data.length) this.#reader?.push(data.subarray(from));
    } catch (error) {
      if (error instanceof ResponseFault) this.#malformed(error.code, 'valid HTTP/1.1', error.message);
      else if (error instanceof FrameFault)
        this.#malformed('response-malformed', 'a WebSocket', error.message);
      else throw error;
    }
  }

  #malformed(code: AnswerError['code'], expected: string, problem: string): void {
    const { target } = this.#options;
    const message =
      code === 'response-limit'
        ? `The answer of ${target} is over a limit: ${problem}`
        : `What ${target} answered is not ${expected}: ${problem}`;
    this.#settle({ error: { code, message } });
  }

  #answerBegan(head: AnswerHead): void {
    this.#head = head;
    if (head.status !== 101) {
      this.#state = 'refused';
      return;
    }
    const problem = problemOf(head.headers, this.#key, this.#shipment.head?.headers ?? []);
    if (problem !== undefined) {
      this.#malformed('response-malformed', 'a WebSocket', problem);
      return;
    }
    const { maxBodyBytes: maxBytes, room } = this.#options;
    this.#deflate = deflateOf(head.headers);
    this.#reader = new FrameReader(
      { maxBytes, maxCompressedBytes: maxBytes, room, masked: false, deflate: this.#deflate !== undefined },
      (message) => this.#take(message),
    );
    this.#state = 'open';
    this.#pacer.open();
    if (this.#abandonedEarly) this.#breakOff();
  }

  #takeBody(data: Uint8Array, at: number): void {
    this.#bodySize += data.length;
    const { maxBodyBytes, room } = this.#options;
    const left = Math.min(maxBodyBytes - this.#bodyKept, room.bytes);
    const kept = data.subarray(0, Math.max(0, left));
    this.#bodyKept += kept.length;
    room.bytes -= kept.length;
    if (kept.length > 0) this.#body.add(at, Buffer.from(kept));
  }

  #take(message: FrameMessage): void {
    const { opcode: kind, data } = message;
    this.#messages.add(this.#timer.nowNs(), message);
    if (kind === opcode.close) this.#reader?.close();
    if (isAwaited(kind)) this.#pacer.came();
    if (kind === opcode.ping) this.#pong(data);
    else if (kind === opcode.close) this.#answerClose(data);
  }

  /** Answers a ping at once: a target may break off when it has to wait. */
  #pong(data: Buffer): void {
    if (this.#closeSent || this.#stream.writableLength > maxUnwritten) return;
    this.#stream.write(maskedFrame(opcode.pong, data));
  }

  #answerClose(data: Buffer): void {
    if (!this.#closeSent) {
      // What was not said by now is not said any more; a recorded close has been, or is this one.
      const [next] = this.#pacer.left;
      if (next?.bytes[0] === opcode.close) this.#pacer.skip();
      this.#sendClose(data.length >= 2 ? data.subarray(0, 2) : data.subarray(0, 0));
    }
    this.#settle({});
  }

  #say(part: ShipmentPart, written: () => void): void {
    if (part.kind === 'end') {
      this.#settle({});
      return;
    }
    const kind = part.bytes[0];
    const payload = part.bytes.subarray(1);
    if (kind === undefined) written();
    else if (kind === opcode.close) {
      this.#sendClose(payload);
    } else {
      this.#stream.write(maskedFrame(kind, payload), () => written());
    }
  }

  #sendClose(payload: Uint8Array): void {
    this.#closeSent = true;
    this.#stream.write(maskedFrame(opcode.close, payload));
    const { target, maxMessageWaitMs } = this.#options;
    this.#undoClose = systemClock.after(maxMessageWaitMs, () =>
      this.#settle({
        error: {
          code: 'response-timeout',
          message: `${target} did not answer the close of a WebSocket within ${maxMessageWaitMs} ms`,
        },
      }),
    );
  }

  #ended(): void {
    if (this.#state === 'refused' && !this.#parser.done && this.#parser.finish()) this.#settle({});
    else this.#lost(undefined);
  }

  #lost(code: string | undefined): void {
    const { target } = this.#options;
    const message =
      code === undefined && this.#head === undefined
        ? `${target} closed the connection before it answered the handshake`
        : code === undefined
          ? `${target} ended the connection of a WebSocket without closing it`
          : `${target} broke the connection (${code})`;
    this.#settle({ error: { code: 'connection-closed', message } });
  }

  #settle(how: Pick<Answer, 'error' | 'abandoned'>): void {
    if (this.#state === 'over') return;
    const wasOpen = this.#head?.status === 101;
    this.#state = 'over';
    this.#undoClose?.();
    this.#pacer.stop();
    this.#reader?.close();
    this.#leave(how.error === undefined && this.#closeSent);
    const { sentAt, blockedNs, unawaited } = this.#pacer;
    const answer: Answer = {
      exchange: this.#shipment.exchange,
      sentAt: this.#sentAt,
      firstByteAt: this.#firstByteAt,
      endAt: this.#timer.nowNs(),
      informational: this.#informational,
      head: this.#head,
      chunks: this.#body.list,
      trailers: this.#trailers,
      inMessages: wasOpen || undefined,
      partsSentAt: sentAt,
      partsBlockedNs: blockedNs,
      partsUnawaited: unawaited || undefined,
      size: this.#bodySize,
      truncated: this.#bodyKept < this.#bodySize,
      ...how,
    };
    this.#options.room.bytes += this.#bodyKept;
    const messages = this.#messages.finish(this.#deflate);
    if (!wasOpen) this.#resolve(answer);
    else if (messages instanceof Promise) void messages.then((all) => this.#resolve(this.#with(answer, all)));
    else this.#resolve(this.#with(answer, messages));
  }

  #with(answer: Answer, { chunks, size, truncated, unreadable }: MessagesOfAnswer): Answer {
    const { target } = this.#options;
    const message = `${target} sent a message that cannot be decompressed, or is over maxBodyBytes then`;
    const error = answer.error ?? (unreadable ? { code: 'response-malformed', message } : undefined);
    return { ...answer, chunks, size, truncated, ...(error === undefined ? {} : { error }) };
  }

  /** A close that was just written shall still arrive: its connection ends when the target ends it, or soon after. */
  #leave(quietly: boolean): void {
    if (!quietly || this.#stream.destroyed) {
      this.#stream.destroy();
      return;
    }
    const undo = systemClock.after(maxLeaveMs, () => this.#stream.destroy());
    this.#stream.once('close', undo);
    this.#stream.end();
  }
}

/** Why an answer is not one to this handshake (RFC 6455 section 4.1); undefined when it is. */
function problemOf(headers: HeaderList, key: string, offered: HeaderList): string | undefined {
  if (!switchesToWebSocket(headers)) return 'it switches to another protocol';
  if (headerValue(headers, 'sec-websocket-accept')?.trim() !== acceptOf(key)) {
    return 'its Sec-WebSocket-Accept does not answer the key';
  }
  const names = new Set(extensionsOf(offered).map(({ name }) => name));
  const accepted = extensionsOf(headers);
  if (accepted.length > 1 || accepted.some(({ name }) => !names.has(name))) {
    return 'it has an extension that was not offered';
  }
  return undefined;
}

function withKey(headers: HeaderList, key: string): string[] {
  return headers.map((text, i) =>
    i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'sec-websocket-key' ? key : text,
  );
}
