// Record hooks that a worker can load, by what the target asks for.
export function createHooks(options) {
  if (options?.fail) throw new Error('these hooks never load');
  return {
    onExchange(start, context) {
      if (start.target === '/drop') context.drop();
      if (start.target === '/throw') throw new Error('hook');
      if (start.target === '/crash') {
        queueMicrotask(() => {
          throw new Error('out of reach');
        });
      }
      if (start.target === '/hang' || start.target === '/crash') return new Promise(() => undefined);
      if (start.target === '/loop') for (;;);
      if (start.target === '/exit') process.exit(3);
      context.mark('by', options?.name ?? 'hook');
      return { ...start, target: `${start.target}?hooked` };
    },
  };
}
