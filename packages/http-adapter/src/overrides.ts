import { type IncomingMessage, ServerResponse } from 'node:http';

// How it works. Each message that is recorded gets methods of its own that call the original and then tell the tap what
// passed: `push` on a request with a body, `write`, `end`, `flushHeaders`, `emit` and the methods of informational heads
// on a response. They are shared functions that find their exchange by a symbol on `this`, so that a request costs no
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
  /** `write`, `end` (`last`) or `flushHeaders` has returned. */
  wrote(chunk: unknown, encoding: unknown, last: boolean): void;
  /** An informational head went out: its text, and the parts it was made from. */
  informed(text: string, status: number, headers: unknown): void;
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
  readonly flushHeaders: Method;
  readonly writeContinue: Method;
  readonly writeProcessing: Method;
  readonly writeEarlyHints: Method;
  readonly writeInformation: Method | undefined;

  constructor(res: WatchedResponse) {
    this.write = res.write;
    this.end = res.end;
    this.emit = res.emit;
    this.flushHeaders = res.flushHeaders;
    this.writeContinue = res.writeContinue;
    this.writeProcessing = res.writeProcessing;
    this.writeEarlyHints = res.writeEarlyHints;
    this.writeInformation = res.writeInformation;
  }

  /** Whether the response has these very methods. */
  fit(res: WatchedResponse): boolean {
    return (
      this.write === res.write &&
      this.end === res.end &&
      this.emit === res.emit &&
      this.flushHeaders === res.flushHeaders &&
      this.writeContinue === res.writeContinue &&
      this.writeProcessing === res.writeProcessing &&
      this.writeEarlyHints === res.writeEarlyHints &&
      this.writeInformation === res.writeInformation
    );
  }
}

export interface WatchedRequest extends Omit<IncomingMessage, 'push'> {
  [witnessKey]?: Witness;
  /** Node reads the rest of a body that nobody asked for, and does not push it. */
  _dumped?: unknown;
  push(...args: unknown[]): boolean;
}

type InformationalMethod = 'writeContinue' | 'writeProcessing' | 'writeEarlyHints' | 'writeInformation';

export interface WatchedResponse
  extends Omit<
    ServerResponse,
    'write' | 'end' | 'emit' | 'flushHeaders' | 'writeHead' | 'addTrailers' | InformationalMethod
  > {
  [witnessKey]?: Witness;
  _header?: unknown;
  _trailer?: unknown;
  _hasBody?: unknown;
  _writeRaw?: unknown;
  write(...args: unknown[]): boolean;
  end(...args: unknown[]): this;
  emit(...args: unknown[]): boolean;
  flushHeaders(...args: unknown[]): void;
  writeHead(...args: unknown[]): this;
  addTrailers(...args: unknown[]): void;
  writeContinue(...args: unknown[]): void;
  writeProcessing(...args: unknown[]): void;
  writeEarlyHints(...args: unknown[]): void;
  /** Since Node 24. */
  writeInformation?(...args: unknown[]): unknown;
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
  res.flushHeaders = flushHeaders;
  res.writeContinue = writeContinue;
  res.writeProcessing = writeProcessing;
  res.writeEarlyHints = writeEarlyHints;
  if (res.writeInformation !== undefined) res.writeInformation = writeInformation;
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

function flushHeaders(this: TappedResponse, ...args: unknown[]): void {
  const witness = this[witnessKey];
  witness.originals.flushHeaders.apply(this, args);
  if (witness.writable) witness.wrote(undefined, undefined, false);
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

function writeContinue(this: TappedResponse, ...args: unknown[]): unknown {
  return inform(this, this[witnessKey].originals.writeContinue, args, 100, undefined);
}

function writeProcessing(this: TappedResponse, ...args: unknown[]): unknown {
  return inform(this, this[witnessKey].originals.writeProcessing, args, 102, undefined);
}

function writeEarlyHints(this: TappedResponse, ...args: unknown[]): unknown {
  return inform(this, this[witnessKey].originals.writeEarlyHints, args, 103, args[0]);
}

function writeInformation(this: TappedResponse, ...args: unknown[]): unknown {
  const { writeInformation: original = nothing } = this[witnessKey].originals;
  return inform(this, original, args, Number(args[0]), args[1]);
}

/** Runs one of the methods above and listens in on the raw write that it makes, which holds the head's exact text. */
function inform(
  res: TappedResponse,
  original: Method,
  args: unknown[],
  status: number,
  headers: unknown,
): unknown {
  const witness = res[witnessKey];
  const { _writeRaw: writeRaw } = res;
  if (!witness.writable || typeof writeRaw !== 'function') return original.apply(res, args);
  const ownBefore = Object.hasOwn(res, '_writeRaw');
  let text: string | undefined;
  res._writeRaw = (...raw: unknown[]) => {
    if (typeof raw[0] === 'string') text = raw[0];
    return Reflect.apply(writeRaw, res, raw);
  };
  witness.inside = true;
  let result: unknown;
  try {
    result = original.apply(res, args);
  } finally {
    witness.inside = false;
    if (ownBefore) res._writeRaw = writeRaw;
    else delete res._writeRaw;
  }
  // Nothing was written: hints without a link send no head.
  if (text !== undefined) witness.informed(text, status, headers);
  return result;
}
