import type { Duplex } from 'node:stream';
import type { AnswerHead, ExchangeTap, Side, TapTarget } from '@gardenhose/core';
import { InflateWindows, reportFailure } from '@gardenhose/core/adapter';
import { defaultResponseLimits, ResponseFault, ResponseParser } from '../response-parser.ts';
import { bytesOf, socketBreakOff } from '../to-events.ts';
import { FrameFault, type FrameMessage, FrameReader, opcode } from './frame-reader.ts';
import { deflateOf, switchesToWebSocket } from './handshake.ts';
import type { Room } from './room.ts';
import { type SocketWitness, watchSocket } from './socket-overrides.ts';

/** Of messages under assembly, in all WebSockets of the process. */
const room: Room = { bytes: 64 * 1024 * 1024 };
/** Held of a message where the target does not say how much it keeps. */
const maxMessageBytes = 1024 * 1024;
/** Held of a compressed one: no more than can be decompressed. */
const maxCompressedBytes = 4 * 1024 * 1024;
/** Of frames that come before the handshake is answered. */
const maxEarlyBytes = 64 * 1024;

/** One direction of a WebSocket that is open. */
interface Direction {
  readonly reader: FrameReader;
  readonly context: 'each' | 'window';
  /** `closed` by a close frame, behind which nothing comes; `faulty` where its bytes are no frames. */
  state: 'open' | 'closed' | 'faulty';
  /** A message that later ones go on from could not be held. */
  contextLost: boolean;
}

/** Records one WebSocket from the bytes that pass its socket. */
export class UpgradeWatch implements SocketWitness {
  #tap: ExchangeTap | undefined;
  readonly #target: TapTarget;
  readonly #socket: Duplex;
  readonly #stop: () => void;
  readonly #parser: ResponseParser;
  #state: 'asked' | 'refused' | 'open' = 'asked';
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #directions: Readonly<Record<Side, Direction>> | undefined;
  #windows: InflateWindows | undefined;
  #endedFirst: 'client' | 'server' | undefined;

  /** @param head - Bytes that came with the head of the request */
  constructor(socket: Duplex, head: Buffer, tap: ExchangeTap, target: TapTarget) {
    this.#socket = socket;
    this.#tap = tap;
    this.#target = target;
    this.#parser = new ResponseParser(defaultResponseLimits, {
      informational: (answer) => this.#noteHead(answer),
      head: (answer) => this.#answered(answer),
      body: (data) => this.#tap?.chunk('response', data),
      trailers: (headers) => this.#tap?.trailers('response', headers),
    });
    this.#parser.expect('GET');
    this.#stop = watchSocket(socket, this);
    if (head.length > 0) this.pushed(head);
  }

  mark(name: string, value: string): boolean {
    if (this.#tap === undefined) return false;
    try {
      this.#tap.mark(name, value);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  pushed(chunk: unknown): void {
    if (chunk === null) this.#endedFirst ??= 'client';
    if (!this.#goesOn() || !(chunk instanceof Buffer)) return;
    try {
      if (this.#state === 'open') this.#read('request', chunk);
      else if (this.#state === 'asked') this.#holdEarly(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  wrote(chunk: unknown, encoding: unknown, last: boolean): void {
    if (!this.#goesOn()) return;
    try {
      const bytes = bytesOf(chunk, encoding);
      if (bytes !== undefined && bytes.length > 0) {
        this.#wrote(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      }
      if (last) this.#endedFirst ??= 'server';
    } catch (error) {
      if (error instanceof ResponseFault) this.#giveUp('answer-malformed');
      else this.#fail(error);
    }
  }

  closed(): void {
    const tap = this.#tap;
    if (tap === undefined) return;
    try {
      if (this.#state === 'refused' && this.#socket.writableFinished && this.#parser.finish()) {
        tap.end('response');
      } else {
        const { by, code } = socketBreakOff(this.#socket, this.#endedFirst === 'client');
        tap.abort(by, code === 'destroyed' && this.#endedFirst === 'server' ? 'closed' : code);
      }
      this.#done();
    } catch (error) {
      this.#fail(error);
    }
  }

  #wrote(bytes: Buffer): void {
    if (this.#state === 'open') {
      this.#read('response', bytes);
      return;
    }
    const end = this.#parser.execute(bytes, 0, 0);
    if (this.#directions !== undefined) {
      if (end < bytes.length) this.#read('response', bytes.subarray(end));
    } else if (this.#state === 'refused' && this.#parser.done) {
      this.#tap?.end('response');
      this.#done();
    }
  }

  /** A WebSocket may outlast its recording by days: its frames are read no longer than they are recorded. */
  #goesOn(): boolean {
    if (this.#tap?.over === true) this.#done();
    return this.#tap !== undefined;
  }

  #noteHead({ status, reason, version, headers }: AnswerHead): void {
    this.#tap?.headers(status, reason, version, headers);
  }

  #answered(answer: AnswerHead): void {
    if (answer.status === 101 && !switchesToWebSocket(answer.headers)) {
      this.#giveUp('other-protocol');
      return;
    }
    this.#noteHead(answer);
    if (answer.status !== 101) {
      this.#state = 'refused';
      this.#tap?.end('request');
      return;
    }
    const deflate = deflateOf(answer.headers);
    const direction = (side: Side): Direction => ({
      reader: new FrameReader(
        {
          maxBytes: this.#tap?.maxMessageBytes ?? maxMessageBytes,
          maxCompressedBytes,
          room,
          deflate: deflate !== undefined,
        },
        (message) => this.#message(side, message),
      ),
      context: deflate?.[side] ?? 'each',
      state: 'open',
      contextLost: false,
    });
    this.#directions = { request: direction('request'), response: direction('response') };
    this.#state = 'open';
    for (const early of this.#early.splice(0)) this.#read('request', early);
  }

  /** A client may not wait for the answer. The application takes the mask off in place, so this is a copy. */
  #holdEarly(chunk: Buffer): void {
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > maxEarlyBytes) this.#giveUp('handshake-limit');
    else this.#early.push(Buffer.from(chunk));
  }

  #read(side: Side, bytes: Buffer): void {
    const direction = this.#directions?.[side];
    if (direction === undefined || direction.state !== 'open') return;
    try {
      direction.reader.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      if (direction.state !== 'open') return;
      direction.state = 'faulty';
      direction.reader.close();
      this.#tap?.mark('websocket-fault', `${side}: ${error.message}`);
    }
  }

  #message(side: Side, message: FrameMessage): void {
    const direction = this.#directions?.[side];
    const tap = this.#tap;
    if (tap === undefined || direction?.state !== 'open') return;
    const { opcode: kind, data, size } = message;
    if (message.compressed) this.#compressed(tap, direction, side, message);
    else if (data.length < size) tap.message(side, kind, data, size);
    else tap.message(side, kind, data);
    if (kind !== opcode.close) return;
    // Nothing follows it (RFC 6455 section 5.5.1).
    direction.state = 'closed';
    direction.reader.close();
    tap.end(side);
    if (this.#directions?.request.state === 'closed' && this.#directions.response.state === 'closed')
      this.#done();
  }

  #compressed(tap: ExchangeTap, direction: Direction, side: Side, message: FrameMessage): void {
    const { opcode: kind, data, size } = message;
    const whole = data.length === size;
    if (!whole && direction.context === 'window') direction.contextLost = true;
    if (!whole || direction.contextLost) {
      tap.message(side, kind, nothing, whole ? 0 : size);
      if (whole) tap.mark('undecoded', `${side} message of ${size} bytes`);
      return;
    }
    const coding = direction.context === 'window' ? 'deflate-window' : 'deflate-raw';
    if (tap.compressed !== undefined) {
      tap.compressed(side, coding, kind, data);
      return;
    }
    this.#windows ??= new InflateWindows();
    const plain = this.#windows.inflate(tap.id, side, data);
    if (coding === 'deflate-raw') this.#windows.forget(tap.id, side);
    tap.message(side, kind, plain ?? nothing);
    if (plain === undefined) tap.mark('undecoded', `${side} message of ${size} bytes`);
  }

  /** What passes is not what was asked for: it is none of this tap's business any more, and no failure of it. */
  #giveUp(code: string): void {
    const tap = this.#tap;
    this.#done();
    tap?.abort('recorder', code);
  }

  /** Takes the tap out of this connection and says so. */
  #fail(error: unknown): void {
    const tap = this.#tap;
    this.#done();
    try {
      tap?.abort('recorder', 'tap-failed');
    } catch {
      // The failure that counts is the first; it is reported below.
    }
    reportFailure(this.#target, error);
  }

  #done(): void {
    this.#tap = undefined;
    this.#stop();
    this.#early = [];
    this.#directions?.request.reader.close();
    this.#directions?.response.reader.close();
  }
}

const nothing = Buffer.alloc(0);
