import { GardenhoseError, type TapOptions, type TapTarget } from '@gardenhose/core';
import { flagOption, reportFailure, resolveTapOptions, untilKilled } from '@gardenhose/core/adapter';
import type { Channel, Server, ServiceDefinition } from '@grpc/grpc-js';
import { describeService } from './descriptors.ts';
import { http2ServersOf, unknownServer } from './http2-servers.ts';
import { tapChannels } from './tap-channel.ts';
import { type Detach, tapHttp2Servers } from './tap-server.ts';

/** What {@link attach} can be told. */
export interface AttachOptions extends TapOptions {
  /** The application's own copy of `@grpc/grpc-js`, 1.8 or newer. Where a process has several, attach to each. */
  readonly grpc: {
    readonly Server: { readonly prototype: Server };
    readonly Channel?: { readonly prototype: Channel };
  };
  /** Whether the calls that clients of this copy make are recorded too, as {@link tapChannel} does. Default `false`. */
  readonly outbound?: boolean | undefined;
  /**
   * Definitions of services that come to their server by way of a framework which leaves out their descriptors, as nice-grpc
   * does. Default none: those of services that are added with them are found by themselves.
   */
  readonly services?: readonly ServiceDefinition[] | undefined;
}

/**
 * Records what every server of a copy of grpc-js serves that gets its services from now on, also those that a framework makes
 * and keeps to itself. Call it before services are added; a server that has them already is tapped when it gets the next one,
 * or by {@link tapServer}.
 *
 * @throws GardenhoseError `invalid-option` if `grpc` is no `@grpc/grpc-js`, or an option is wrong
 * @example
 * import * as grpc from '@grpc/grpc-js';
 * const detach = attach(recorder, { grpc });
 */
export function attach(target: TapTarget, options: AttachOptions): Detach {
  const resolved = resolveTapOptions(options);
  const prototype: unknown = options?.grpc?.Server?.prototype;
  if (!isServerPrototype(prototype)) {
    throw new GardenhoseError('invalid-option', 'grpc must be the module @grpc/grpc-js, 1.8 or newer', {
      subject: 'grpc',
    });
  }
  const detachClients = flagOption('outbound', options.outbound, false)
    ? tapChannels(target, options.grpc, resolved.recordShadow)
    : undefined;
  for (const service of options.services ?? []) describeService(target, service);
  // All services of a server, whatever the framework, come in by these two public methods.
  const { register, addService } = prototype;
  const known = new WeakSet<object>();
  const detaches: Detach[] = [];
  let attached = true;
  const found = (server: unknown): void => {
    if (!attached || typeof server !== 'object' || server === null || known.has(server)) return;
    known.add(server);
    const servers = http2ServersOf(server);
    if (servers === undefined) reportFailure(target, unknownServer());
    else detaches.push(tapHttp2Servers(servers, target, resolved));
  };
  const registerTold: AnyMethod = function (this: unknown, ...args) {
    found(this);
    return register.apply(this, args);
  };
  const addServiceTold: AnyMethod = function (this: unknown, ...args) {
    if (attached) describeService(target, args[0]);
    return addService.apply(this, args);
  };
  prototype.register = registerTold;
  prototype.addService = addServiceTold;
  return untilKilled(target, () => {
    attached = false;
    detachClients?.();
    if (prototype.register === registerTold) prototype.register = register;
    if (prototype.addService === addServiceTold) prototype.addService = addService;
    for (const detach of detaches.splice(0)) detach();
  });
}

type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;

interface ServerMethods {
  register: AnyMethod;
  addService: AnyMethod;
}

function isServerPrototype(prototype: unknown): prototype is ServerMethods {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    'register' in prototype &&
    typeof prototype.register === 'function' &&
    'addService' in prototype &&
    typeof prototype.addService === 'function'
  );
}
