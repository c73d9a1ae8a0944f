import { Socket } from 'node:net';
import { GardenhoseError, isLoopback } from '@gardenhose/core';
import { canonicalHost } from '@gardenhose/core/adapter';

/** Hosts that each replay under way lets be connected, besides loopback. */
const held = new Set<ReadonlySet<string>>();
let unpatch = (): void => {};

/**
 * Refuses what this process connects to from now on, but for loopback, sockets in the file system and these hosts: an application that is
 * replayed to in this process shall not reach others by it. Connections that are there already are left.
 *
 * @param allowed - In their canonical spelling
 * @returns the undo
 */
export function holdEgress(allowed: readonly string[]): () => void {
  const hosts: ReadonlySet<string> = new Set(allowed);
  if (held.size === 0) unpatch = patchConnect();
  held.add(hosts);
  return () => {
    if (held.delete(hosts) && held.size === 0) unpatch();
  };
}

/** All clients come by here, whichever library they are of: HTTP, TLS, HTTP/2, databases. */
function patchConnect(): () => void {
  const { prototype } = Socket;
  const { connect } = prototype;
  const guarded = function (this: Socket, ...args: unknown[]): unknown {
    const host = hostOf(args);
    if (host === undefined || mayConnect(host)) return Reflect.apply(connect, this, args);
    const error = new GardenhoseError(
      'target-refused',
      `The application connects to ${host} while it is replayed to in this process; serve that by a stub, or name the host in guard.egress`,
      { subject: host },
    );
    // As a connection that fails: after whoever asked for it has had time to listen.
    process.nextTick(() => this.destroy(error));
    return this;
  };
  Object.defineProperty(prototype, 'connect', { value: guarded, writable: true, configurable: true });
  return () => {
    if (prototype.connect !== guarded) return;
    Object.defineProperty(prototype, 'connect', { value: connect, writable: true, configurable: true });
  };
}

function mayConnect(host: string): boolean {
  if (isLoopback(host)) return true;
  const name = canonicalHost(host);
  return name !== undefined && [...held].every((hosts) => hosts.has(name));
}

/** Of the arguments of `connect`, in each of their forms; undefined for a socket in the file system. */
function hostOf(args: readonly unknown[]): string | undefined {
  const [first, second] = args;
  // As `net.connect` hands its own on: in a list.
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null) {
    if ('path' in first && typeof first.path === 'string') return undefined;
    return 'host' in first && typeof first.host === 'string' ? first.host : 'localhost';
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return undefined;
  return typeof second === 'string' ? second : 'localhost';
}
