import { GardenhoseError } from '@gardenhose/core';
import type { GrpcCall, GrpcChannel, GrpcLibrary, GrpcMetadata, GrpcStatus } from '../library.ts';

/** How a call ended: it says so in place of an answer. */
export type Ended = Pick<GrpcStatus, 'code'>;

/** One call of server reflection: questions are answered in turn, one at a time. */
export class ReflectionCall {
  readonly #call: GrpcCall;
  readonly #library: GrpcLibrary;
  #answers: Buffer[] = [];
  #ended: Ended | undefined;
  #wake: () => void = () => {};

  /** @param deadline - in milliseconds of the epoch, for the whole call */
  constructor(
    library: GrpcLibrary,
    channel: GrpcChannel,
    path: string,
    metadata: GrpcMetadata,
    deadline: number,
  ) {
    this.#library = library;
    this.#call = channel.createCall(path, deadline, null, null, undefined);
    this.#call.start(metadata, {
      onReceiveMetadata: () => {},
      onReceiveMessage: (message: Buffer) => {
        this.#answers.push(message);
        this.#wake();
      },
      onReceiveStatus: (status) => {
        this.#ended = status;
        this.#wake();
      },
    });
  }

  /** The next answer, or how the call ended before there was one. */
  async ask(question: Uint8Array): Promise<Buffer | Ended> {
    try {
      this.#call.sendMessageWithContext({}, Buffer.from(question));
      // Not before: a server has no room to send what nobody asked for.
      this.#call.startRead();
    } catch (cause) {
      throw new GardenhoseError('request-invalid', 'grpc-js did not take the call of server reflection', {
        cause,
      });
    }
    while (this.#answers.length === 0 && this.#ended === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const answer = this.#answers.shift();
    return answer ?? this.#ended ?? { code: this.#library.status.UNKNOWN };
  }

  close(): void {
    if (this.#ended === undefined) this.#call.cancelWithStatus(this.#library.status.CANCELLED, '');
  }
}
