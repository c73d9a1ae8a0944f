import { type IncomingMessage, ServerResponse } from 'node:http';
import { wireStatus } from '@gardenhose/core';

// How it works. Each message that is recorded gets methods of its own that call the original and then tell the tap what
// passed: `push` on a request with a body; `write`, `end`, `emit` and `_writeRaw` on a response, the last for heads that
// go out by themselves. They are few, since each is room in every response that Node has to make, and they are shared functions that find their exchange by a symbol on `this`, so that a request costs no
// closures. No listener is added to a message, since an application can count listeners and trips over their limit.

/** Where a message that is tapped has its witness. */
const witnessKey: unique symbol = Symbol('gardenhose.witness');

export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** In place of an original before the tap is installed. */
export const nothing: Method = () => undefined;

/** Who is told what passes, and keeps the originals of the methods that tell. */
export interface Witness {
  /** Set when the tap is installed on the response. */
  originals: Originals;
  /** The original `push` of the request, once the tap is installed on it. */
  push: Method;
  /** Whether what is written now goes out and has not been told already. */
  readonly writable: boolean;
  /** Set while an original method runs: what that calls on the same message is told once, by the outermost. */
  inside: boolean;
  /** The parser hands over a piece of the request's body, or, by `null`, its end. */
  pushed(chunk: unknown, encoding: unknown): void;
  /** `write` or `end` (`last`) has returned, or a head has gone out by itself. */
  wrote(chunk: unknown, encoding: unknown, last: boolean): void;
  /** An informational head went out. */
  informed(text: string): void;
  /** The response has been handed to the operating system whole. */
  finished(): void;
  /** The response was closed, finished or not. */
  closed(): void;
}

/** Methods of a response as they were when the tap was installed: Node's own, or those of whoever came before. */
export class Originals {
  readonly write: Method;
  readonly end: Method;
  readonly emit: Method;
  readonly writeRaw: unknown;

  constructor(res: WatchedResponse) {
    this.write = res.write;
    this.end = res.end;
    this.emit = res.emit;
    this.writeRaw = res._writeRaw;
  }

  /** Whether the response has these very methods. */
  fit(res: WatchedResponse): boolean {
    return (
      this.write === res.write &&
      this.end === res.end &&
      this.emit === res.emit &&
      this.writeRaw === res._writeRaw
    );
  }
}

export interface WatchedRequest extends Omit<IncomingMessage, 'push'> {
  [witnessKey]?: Witness;
  /** Node reads the rest of a body that nobody asked for, and does not push it. */
  _dumped?: unknown;
  push(...args: unknown[]): boolean;
}

export interface WatchedResponse
  extends Omit<ServerResponse, 'write' | 'end' | 'emit' | 'writeHead' | 'addTrailers'> {
  [witnessKey]?: Witness;
  _header?: unknown;
  _trailer?: unknown;
  _hasBody?: unknown;
  /** How Node hands a text or bytes on to the connection, whichever method they were given to. */
  _writeRaw?: unknown;
  write(...args: unknown[]): boolean;
  end(...args: unknown[]): this;
  emit(...args: unknown[]): boolean;
  writeHead(...args: unknown[]): this;
  addTrailers(...args: unknown[]): void;
}

interface TappedRequest extends WatchedRequest {
  [witnessKey]: Witness;
}

interface TappedResponse extends WatchedResponse {
  [witnessKey]: Witness;
}

/** What responses have from Node. Nearly all have just these, and need no list each. */
export const usual: Originals = new Originals(ServerResponse.prototype);

export function installOnRequest(req: WatchedRequest, witness: Witness): void {
  req[witnessKey] = witness;
  witness.push = req.push;
  req.push = push;
}

export function installOnResponse(res: WatchedResponse, witness: Witness): void {
  witness.originals = usual.fit(res) ? usual : new Originals(res);
  res[witnessKey] = witness;
  res.write = write;
  res.end = end;
  res.emit = emit;
  if (typeof res._writeRaw === 'function') res._writeRaw = writeRaw;
}

// Told before the original runs: pushing hands the bytes to the application, which may answer at once.
function push(this: TappedRequest, ...args: unknown[]): boolean {
  const witness = this[witnessKey];
  witness.pushed(args[0], args[1]);
  return witness.push.apply(this, args) === true;
}

// Told after the original has run: it may refuse what it is given, and makes the head.
function write(this: TappedResponse, ...args: unknown[]): boolean {
  const witness = this[witnessKey];
  if (!witness.writable) return witness.originals.write.apply(this, args) === true;
  witness.inside = true;
  let more: unknown;
  try {
    more = witness.originals.write.apply(this, args);
  } finally {
    witness.inside = false;
  }
  witness.wrote(args[0], args[1], false);
  return more === true;
}

function end(this: TappedResponse, ...args: unknown[]): TappedResponse {
  const witness = this[witnessKey];
  if (!witness.writable) {
    witness.originals.end.apply(this, args);
    return this;
  }
  witness.inside = true;
  try {
    witness.originals.end.apply(this, args);
  } finally {
    witness.inside = false;
  }
  witness.wrote(args[0], args[1], true);
  return this;
}

function emit(this: TappedResponse, ...args: unknown[]): boolean {
  const witness = this[witnessKey];
  try {
    return witness.originals.emit.apply(this, args) === true;
  } finally {
    // After the listeners: what they mark belongs to the exchange, even if one of them throws.
    if (args[0] === 'finish') witness.finished();
    else if (args[0] === 'close') witness.closed();
  }
}

/**
 * What goes out by none of the methods above: a head that is flushed before its body, or informational. In a Node without
 * it, the first is told with the body, and the second not at all.
 */
function writeRaw(this: TappedResponse, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  const { writeRaw: original } = witness.originals;
  if (typeof original !== 'function') return undefined;
  const tells = witness.writable;
  const result: unknown = Reflect.apply(original, this, args);
  if (!tells) return result;
  const [text] = args;
  if (typeof text === 'string' && text !== this._header && isInformational(text)) witness.informed(text);
  else witness.wrote(undefined, undefined, false);
  return result;
}

function isInformational(text: string): boolean {
  return text.startsWith('HTTP/1.1 1') && wireStatus(text) !== undefined;
}
