const actions = new Set<() => void>();

function runAll(): void {
  for (const action of actions) action();
}

/** Runs this as the process ends; gives back the undo. One listener serves all, so that many recorders warn nobody. */
export function atExit(action: () => void): () => void {
  if (actions.size === 0) process.on('exit', runAll);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) process.off('exit', runAll);
  };
}
