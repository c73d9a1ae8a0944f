import { GardenhoseError, type HeaderList, type ShadowTrust } from '@gardenhose/core';
import {
  baggageWithoutMarks,
  hasMarks,
  runWithMarks,
  type ShadowMarks,
  shadowHeaderNames,
  type TrustMarks,
  trustMarks,
} from '@gardenhose/core/adapter';
import type { Server } from '@grpc/grpc-js';
import type { Detach } from './tap-server.ts';

/** What {@link attachShadow} can be told. */
export interface AttachShadowOptions extends ShadowTrust {
  /** The application's own copy of `@grpc/grpc-js`, 1.10 or newer. Where a process has several, attach to each. */
  readonly grpc: { readonly Server: { readonly prototype: Server } };
}

type Handler = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Lets handlers of gRPC know replayed calls, by `isShadow()` and `unlessShadow()`: those of every service that is added from now
 * on to a server of this copy of grpc-js. Marks that are not trusted are taken out of the metadata before a handler sees it.
 *
 * @throws GardenhoseError `invalid-option` if `grpc` is no `@grpc/grpc-js`, or an option is wrong
 * @example
 * import * as grpc from '@grpc/grpc-js';
 * const detach = attachShadow({ grpc, signKey: process.env.SHADOW_KEY });
 */
export function attachShadow(options: AttachShadowOptions): Detach {
  const { grpc, ...rest } = options;
  const trust = trustMarks(rest);
  const prototype: unknown = grpc?.Server?.prototype;
  if (!isServerPrototype(prototype)) {
    throw new GardenhoseError('invalid-option', 'grpc must be the module @grpc/grpc-js, 1.10 or newer', {
      subject: 'grpc',
    });
  }
  // All services of a server, whatever the framework, come in by this public method.
  const { register } = prototype;
  let attached = true;
  const registerWrapped: Handler = function (this: unknown, name, handler, ...more) {
    const known = isHandler(handler)
      ? admitting(handler, (...args) => (attached ? trust(...args) : undefined))
      : handler;
    return Reflect.apply(register, this, [name, known, ...more]);
  };
  prototype.register = registerWrapped;
  return () => {
    attached = false;
    if (prototype.register === registerWrapped) prototype.register = register;
  };
}

/**
 * As {@link attachShadow}, for the handlers of one service.
 *
 * @throws GardenhoseError `invalid-option`
 * @example
 * server.addService(OrdersService, withShadow({ place, list }, { trust: ['10.0.0.0/8'] }));
 */
export function withShadow<Handlers extends object>(handlers: Handlers, options: ShadowTrust = {}): Handlers {
  const trust = trustMarks(options);
  return new Proxy(handlers, {
    get(target, name) {
      const handler: unknown = Reflect.get(target, name);
      if (!isHandler(handler)) return handler;
      const admitted = admitting(handler, trust);
      // grpc-js binds them to what it is given, which has none of the private members that a class may have.
      return (...args: unknown[]) => Reflect.apply(admitted, target, args);
    },
  });
}

/** The handler, run for the call that it is given. */
function admitting(handler: Handler, trust: TrustMarks): Handler {
  return function (this: unknown, ...args) {
    const [call] = args;
    const marks = isServerCall(call) ? admit(call, trust) : undefined;
    if (marks === undefined || !isServerCall(call)) return Reflect.apply(handler, this, args);
    keepInContext(call, marks);
    return runWithMarks(marks, () => Reflect.apply(handler, this, args));
  };
}

interface ServerCall {
  readonly metadata: MetadataLike;
  getPeer(): string;
  emit?: Handler;
}

interface MetadataLike {
  get(name: string): readonly unknown[];
  set(name: string, value: string): void;
  remove(name: string): void;
}

function admit(call: ServerCall, trust: TrustMarks): ShadowMarks | undefined {
  const headers = markedFields(call.metadata);
  if (!hasMarks(headers)) return undefined;
  const marks = trust(headers, peerOf(call.getPeer()));
  if (marks === undefined) takeOut(call.metadata);
  return marks;
}

/** Messages of a client come in the context of the connection. */
function keepInContext(call: ServerCall, marks: ShadowMarks): void {
  const { emit } = call;
  if (emit === undefined) return;
  call.emit = function (this: unknown, ...args) {
    return runWithMarks(marks, () => Reflect.apply(emit, this, args));
  };
}

function markedFields(metadata: MetadataLike): HeaderList {
  const fields: string[] = [];
  for (const name of [...shadowHeaderNames, 'baggage']) {
    for (const value of metadata.get(name)) fields.push(name, String(value));
  }
  return fields;
}

function takeOut(metadata: MetadataLike): void {
  for (const name of shadowHeaderNames) metadata.remove(name);
  const baggage = metadata.get('baggage').map(String).join(',');
  if (baggage === '') return;
  const rest = baggageWithoutMarks(baggage);
  if (rest.trim() === '') metadata.remove('baggage');
  else metadata.set('baggage', rest);
}

/** The address of `127.0.0.1:5000` or `::1:5000`, as grpc-js writes them. */
function peerOf(peer: string): string | undefined {
  return /^(.+):\d+$/.exec(peer)?.[1];
}

function isServerCall(call: unknown): call is ServerCall {
  return (
    typeof call === 'object' &&
    call !== null &&
    'metadata' in call &&
    isMetadata(call.metadata) &&
    'getPeer' in call &&
    typeof call.getPeer === 'function'
  );
}

function isMetadata(value: unknown): value is MetadataLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['get', 'set', 'remove'].every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function';
}

function isServerPrototype(prototype: unknown): prototype is { register: Handler } {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    'register' in prototype &&
    typeof prototype.register === 'function'
  );
}
