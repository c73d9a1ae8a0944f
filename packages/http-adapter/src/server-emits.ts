type Emit = (this: object, ...args: unknown[]) => boolean;

/** Is told of what a server emits, before any listener of the server. Never throws. */
export type EmitListener = (server: object, args: readonly unknown[]) => void;

interface Told {
  listeners: readonly EmitListener[];
  undo: () => void;
}

const told = new WeakMap<object, Told>();

/**
 * Gives a class of servers, by its prototype, an `emit` of its own while somebody listens. No server is touched, and it does not
 * matter what was imported first. Returns the undo.
 */
export function onEmits(prototype: object, listener: EmitListener): () => void {
  const known = told.get(prototype) ?? { listeners: [], undo: () => undefined };
  told.set(prototype, known);
  if (known.listeners.length === 0) known.undo = install(prototype, known);
  known.listeners = [...known.listeners, listener];
  return () => {
    if (!known.listeners.includes(listener)) return;
    known.listeners = known.listeners.filter((one) => one !== listener);
    if (known.listeners.length === 0) known.undo();
  };
}

function install(prototype: object, known: Told): () => void {
  const own = Object.getOwnPropertyDescriptor(prototype, 'emit');
  const original: Emit | undefined = own?.value;
  const parent: object = Object.getPrototypeOf(prototype);
  let undone = false;
  const emit: Emit = function (...args) {
    if (!undone) for (const listener of known.listeners) listener(this, args);
    // What is inherited is looked up each time: others may change it there meanwhile, as `node:domain` does.
    const method: Emit = original ?? Reflect.get(parent, 'emit');
    return method.apply(this, args);
  };
  Object.defineProperty(prototype, 'emit', { value: emit, configurable: true, writable: true });
  return () => {
    undone = true;
    // Somebody else may have put theirs over it, and calls it.
    if (Reflect.get(prototype, 'emit') !== emit) return;
    if (own === undefined) Reflect.deleteProperty(prototype, 'emit');
    else Object.defineProperty(prototype, 'emit', own);
  };
}
