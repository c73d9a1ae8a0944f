import { ClientRequest } from 'node:http';

/** What somebody wants to know of the requests that `node:http` and `node:https` make. None of it may throw. */
export interface ClientRequestHooks {
  /** The application writes to it, ends it or flushes its head, which may go out by that. */
  before(request: ClientRequest): void;
  /** That has been done; `last` when it was ended. */
  after?(request: ClientRequest, chunk: unknown, encoding: unknown, last: boolean): void;
  /** An event is about to be told to listeners. */
  emitting?(request: ClientRequest, name: unknown, first: unknown): void;
}

// One patch for all, on the prototype: a patched `request` would be missed by those who have imported it already; and Node
// tells of a request by a channel too late for its head, in its older versions.

const hooks = new Set<ClientRequestHooks>();
let unpatch = (): void => undefined;

/** Tells of all requests of `node:http` and `node:https` that are sent from now on. Gives the undo. */
export function hookClientRequests(added: ClientRequestHooks): () => void {
  if (hooks.size === 0) unpatch = patch();
  hooks.add(added);
  return () => {
    if (hooks.delete(added) && hooks.size === 0) unpatch();
  };
}

type Method = (this: ClientRequest, ...args: unknown[]) => unknown;

/** Who is told by one patch: all, and nobody once it is undone, even where it has to stay. */
type Told = () => Iterable<ClientRequestHooks>;

function patch(): () => void {
  let undone = false;
  const told: Told = () => (undone ? [] : hooks);
  const undos = [
    patchMethod('write', (original) => sending(original, false, told)),
    patchMethod('end', (original) => sending(original, true, told)),
    patchMethod('flushHeaders', (original) => sending(original, false, told)),
    patchMethod('emit', (original) => telling(original, told)),
  ];
  return () => {
    undone = true;
    for (const undo of undos) undo();
  };
}

function sending(original: Method, last: boolean, told: Told): Method {
  return function (this: ClientRequest, ...args) {
    for (const each of told()) each.before(this);
    const result = Reflect.apply(original, this, args);
    for (const each of told()) each.after?.(this, args[0], args[1], last);
    return result;
  };
}

function telling(original: Method, told: Told): Method {
  return function (this: ClientRequest, ...args) {
    for (const each of told()) each.emitting?.(this, args[0], args[1]);
    return Reflect.apply(original, this, args);
  };
}

/** Where another has patched it after us, ours stays below theirs, and tells nobody. */
function patchMethod(
  name: 'write' | 'end' | 'flushHeaders' | 'emit',
  wrap: (original: Method) => Method,
): () => void {
  const { prototype } = ClientRequest;
  const previous = Object.getOwnPropertyDescriptor(prototype, name);
  const original: Method | undefined = previous?.value;
  const parent: object = Object.getPrototypeOf(prototype);
  const told = wrap(function (this: ClientRequest, ...args) {
    // What is inherited is looked up each time: others may change it there meanwhile, as `node:domain` does.
    const method: Method = original ?? Reflect.get(parent, name);
    return Reflect.apply(method, this, args);
  });
  Object.defineProperty(prototype, name, { value: told, writable: true, configurable: true });
  return () => {
    if (Object.getOwnPropertyDescriptor(prototype, name)?.value !== told) return;
    if (previous === undefined) Reflect.deleteProperty(prototype, name);
    else Object.defineProperty(prototype, name, previous);
  };
}
