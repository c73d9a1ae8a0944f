import { GardenhoseError, type PropagateTo } from '@gardenhose/core';
import {
  currentMarks,
  hasMarks,
  marksToPassOn,
  onlyOptions,
  propagatesTo,
  shadowBaggage,
} from '@gardenhose/core/adapter';
import type { InterceptingCall, Interceptor } from '@grpc/grpc-js';

/** What {@link propagateShadow} can be told. */
export interface PropagateShadowOptions {
  /** The application's own copy of `@grpc/grpc-js`. */
  readonly grpc: { readonly InterceptingCall: typeof InterceptingCall };
  /** Default `private`. */
  readonly propagateTo?: PropagateTo | undefined;
}

/**
 * Passes the marks of the replayed request that is being served on to another service, in the metadata of calls: give what it returns
 * to the client as options. Only if the address is one of `propagateTo`.
 *
 * @param address - The address that the client is made with
 * @throws GardenhoseError `invalid-option` if `grpc` is no `@grpc/grpc-js`, or an option is wrong
 * @example
 * const client = new Greeter(address, credentials, { ...propagateShadow(address, { grpc }) });
 */
export function propagateShadow(
  address: string,
  options: PropagateShadowOptions,
): { interceptors: Interceptor[] } {
  onlyOptions('shadow', options, { grpc: true, propagateTo: true });
  const wanted = propagatesTo(options.propagateTo);
  const { grpc } = options;
  if (typeof grpc?.InterceptingCall !== 'function') {
    throw new GardenhoseError('invalid-option', 'grpc must be the module @grpc/grpc-js', { subject: 'grpc' });
  }
  const host = hostOf(address);
  if (host === undefined || !wanted(host)) return { interceptors: [] };
  const interceptor: Interceptor = (callOptions, nextCall) => {
    const marks = currentMarks();
    const call = nextCall(callOptions);
    if (marks === undefined) return new grpc.InterceptingCall(call);
    return new grpc.InterceptingCall(call, {
      start(metadata, listener, next) {
        const baggage = metadata.get('baggage').map(String);
        const given = metadata.get('x-shadow-traffic').length > 0;
        if (given || hasMarks(baggage.flatMap((value) => ['baggage', value]))) {
          next(metadata, listener);
          return;
        }
        // The application may use the same metadata for other calls.
        const marked = metadata.clone();
        const passed = marksToPassOn(marks);
        for (let i = 0; i + 1 < passed.length; i += 2) marked.set(passed[i] ?? '', passed[i + 1] ?? '');
        marked.set('baggage', [...baggage, shadowBaggage(marks.runId)].join(','));
        next(marked, listener);
      },
    });
  };
  return { interceptors: [interceptor] };
}

/** Of an address as grpc-js takes it: a host with a port or without, by DNS or as it is. A socket in the file system is on this machine. */
function hostOf(address: string): string | undefined {
  if (address.startsWith('unix:')) return 'localhost';
  const [, host] = /^(?:dns:(?:\/\/[^/]*\/)?|ipv[46]:)?([^:/,]+|\[[^\]]+\])(?::\d+)?$/.exec(address) ?? [];
  return host;
}
