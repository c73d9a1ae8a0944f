import type { ProcessTriggers } from './save-trigger.ts';

/** What a trigger of the process asks for; resolves when it is saved, or cannot be. */
export type SaveNow = (reason: string) => Promise<unknown>;

/** Signals that end a process which does not listen to them, and are meant to. Others that are asked for are for saving alone. */
const ending: ReadonlySet<NodeJS.Signals> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
const exceptions = new Set<SaveNow>();
const bySignal = new Map<NodeJS.Signals, { readonly savers: Set<SaveNow>; readonly listener: () => void }>();

/**
 * Saves when something happens to the process; gives back the undo. Does not change what becomes of it: a signal that nobody else
 * listens to is sent again when all is saved, and then ends the process as it would have.
 */
export function onProcess({ exceptions: atExceptions, signals }: ProcessTriggers, save: SaveNow): () => void {
  if (atExceptions) {
    if (exceptions.size === 0) process.on('uncaughtExceptionMonitor', onException);
    exceptions.add(save);
  }
  for (const signal of signals) listen(signal, save);
  return () => {
    exceptions.delete(save);
    if (exceptions.size === 0) process.off('uncaughtExceptionMonitor', onException);
    for (const signal of signals) ignore(signal, save);
  };
}

function onException(_: Error, origin: string): void {
  for (const save of exceptions) void save(origin);
}

function listen(signal: NodeJS.Signals, save: SaveNow): void {
  const known = bySignal.get(signal);
  if (known !== undefined) {
    known.savers.add(save);
    return;
  }
  const listener = () => void onSignal(signal);
  bySignal.set(signal, { savers: new Set([save]), listener });
  process.on(signal, listener);
}

function ignore(signal: NodeJS.Signals, save: SaveNow): void {
  const known = bySignal.get(signal);
  if (known === undefined) return;
  known.savers.delete(save);
  if (known.savers.size > 0) return;
  process.off(signal, known.listener);
  bySignal.delete(signal);
}

async function onSignal(signal: NodeJS.Signals): Promise<void> {
  const known = bySignal.get(signal);
  if (known === undefined) return;
  // Who else listens decides what becomes of the process.
  const isAlone = process.listenerCount(signal) === 1;
  await Promise.allSettled([...known.savers].map((save) => save(signal)));
  if (!isAlone || !ending.has(signal)) return;
  process.off(signal, known.listener);
  bySignal.delete(signal);
  process.kill(process.pid, signal);
}
