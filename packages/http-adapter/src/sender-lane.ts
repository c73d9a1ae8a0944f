import type { Answer, AnswerError, LaneSender, Protocol, RunTimer, Shipment } from '@gardenhose/core';
import { Connection, Delivery } from './sender-connection.ts';
import type { SocketOptions } from './websocket/sent-socket.ts';
import { SocketLane } from './websocket/socket-lane.ts';

/**
 * One lane: a connection, as there was one when it was recorded. What overlapped on it is pipelined again; what did not, but
 * comes while the connection is busy, gets a connection more, which is kept for the next such case. Each WebSocket has one of its
 * own.
 */
export class HttpLane implements LaneSender {
  readonly #options: SocketOptions;
  readonly #timer: RunTimer;
  #connections: Connection[] = [];
  #closed = false;
  /** Opened when there is a WebSocket. */
  #sockets: SocketLane | undefined;

  constructor(options: SocketOptions, timer: RunTimer) {
    this.#options = options;
    this.#timer = timer;
  }

  warm(protocol: Protocol): Promise<AnswerError | undefined> {
    if (protocol === 'websocket') return this.#socketLane().warm();
    return this.#main().ready();
  }

  send(shipment: Shipment, overlapsPrevious: boolean): Promise<Answer> {
    if (shipment.protocol === 'websocket') return this.#socketLane().send(shipment);
    const delivery = new Delivery(shipment);
    this.#dispatch(delivery, overlapsPrevious && shipment.alone !== true);
    return delivery.answered;
  }

  abandon(exchange: number, error?: AnswerError): void {
    if (this.#sockets?.abandon(exchange, error) === true) return;
    for (const connection of this.#connections) {
      if (connection.abandon(exchange, error)) return;
    }
  }

  close(): void {
    this.#closed = true;
    this.#sockets?.close();
    for (const connection of this.#connections) connection.close();
    this.#connections = [];
  }

  #socketLane(): SocketLane {
    this.#sockets ??= new SocketLane(this.#options, this.#timer);
    return this.#sockets;
  }

  /** The first connection that can be used, made if there is none. */
  #main(): Connection {
    this.#connections = this.#connections.filter((connection) => connection.usable || !connection.idle);
    return this.#connections.find((connection) => connection.usable) ?? this.#open();
  }

  #dispatch(delivery: Delivery, pipelined: boolean): void {
    const main = this.#main();
    if (main.idle || pipelined) {
      main.send(delivery);
      return;
    }
    const free = this.#connections.find((connection) => connection.usable && connection.idle);
    (free ?? this.#open()).send(delivery);
  }

  #open(): Connection {
    const connection = new Connection(this.#options, this.#timer, (deliveries) => this.#again(deliveries));
    this.#connections.push(connection);
    return connection;
  }

  /** Sends on a new connection what the old one was closed on. Together, in order, as they were. */
  #again(deliveries: readonly Delivery[]): void {
    for (const [place, delivery] of deliveries.entries()) {
      if (this.#closed) {
        delivery.settle(this.#timer.nowNs(), {
          error: { code: 'replay-aborted', message: 'The replay was ended before the answer came' },
        });
        continue;
      }
      if (delivery.sentAt !== undefined) delivery.resent = true;
      this.#dispatch(delivery, place > 0);
    }
  }
}
