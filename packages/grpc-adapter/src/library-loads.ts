import Module from 'node:module';

/** How the package is named by who asks for it, or where its main file lies. */
const named = /(?:^|[\\/])@grpc[\\/]grpc-js(?:[\\/]build[\\/]src[\\/]index\.js)?$/;

type Load = (this: unknown, request: unknown, ...rest: unknown[]) => unknown;

/**
 * Tells of each copy of grpc-js that is loaded from now on, before whoever asked for it gets it. It is CommonJS: `require` and
 * `import` both load it by the same function of Node, which is not documented but used by all that instrument modules.
 */
export function onLibraryLoaded(tell: (library: unknown) => void): void {
  const load: unknown = Reflect.get(Module, '_load');
  if (!isLoad(load)) return;
  const known = new WeakSet<object>();
  const told: Load = function (request, ...rest) {
    const loaded = Reflect.apply(load, this, [request, ...rest]);
    if (typeof request !== 'string' || !named.test(request)) return loaded;
    if (typeof loaded === 'object' && loaded !== null && !known.has(loaded)) {
      known.add(loaded);
      tell(loaded);
    }
    return loaded;
  };
  Reflect.set(Module, '_load', told);
}

function isLoad(value: unknown): value is Load {
  return typeof value === 'function';
}
