import type { Duplex } from 'node:stream';

// As on messages of HTTP (`overrides.ts`): the socket of an upgrade that is recorded gets methods of its own, which call the
// original and tell the tap what passed. No listener is added, and nothing is read that the application would not have read.

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Who is told what passes a socket. */
export interface SocketWitness {
  /** Bytes came, or, by `null`, their end. */
  pushed(chunk: unknown): void;
  /** `write` or `end` (`last`) has returned. */
  wrote(chunk: unknown, encoding: unknown, last: boolean): void;
  closed(): void;
}

interface WatchedSocket extends Omit<Duplex, 'push' | 'write' | 'end' | 'emit'> {
  push(...args: unknown[]): boolean;
  write(...args: unknown[]): boolean;
  end(...args: unknown[]): this;
  emit(...args: unknown[]): boolean;
}

/** Puts the witness on the socket: it is told from now on, until the undo is called, which leaves the methods in place. */
export function watchSocket(socket: Duplex, witness: SocketWitness): () => void {
  const watched: WatchedSocket = socket;
  const { push, write, end, emit } = watched;
  let told: SocketWitness | undefined = witness;
  let inside = false;

  /** Tells what the original takes: not what comes after the end, nor what one method hands on to another. */
  function send(original: Method, args: unknown[], last: boolean): unknown {
    if (told === undefined || inside || watched.writableEnded || watched.destroyed) {
      return Reflect.apply(original, watched, args);
    }
    inside = true;
    let result: unknown;
    try {
      result = Reflect.apply(original, watched, args);
    } finally {
      inside = false;
    }
    told?.wrote(args[0], args[1], last);
    return result;
  }

  // Before the original: the application takes the mask off in place.
  watched.push = (...args) => {
    told?.pushed(args[0]);
    return Reflect.apply(push, watched, args) === true;
  };
  watched.write = (...args) => send(write, args, false) === true;
  watched.end = (...args) => {
    send(end, args, true);
    return watched;
  };
  watched.emit = (...args) => {
    try {
      return Reflect.apply(emit, watched, args) === true;
    } finally {
      if (args[0] === 'close') told?.closed();
    }
  };
  return () => {
    told = undefined;
  };
}
