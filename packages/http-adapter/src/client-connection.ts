import type { Duplex } from 'node:stream';
import { clientConnectionFacts } from './to-client-events.ts';
import type { ConnectionFacts } from './to-events.ts';

const connections = new WeakMap<Duplex, ConnectionFacts>();

/** What is known of a connection that this process made, whichever client uses it. Each is a lane. */
export function clientConnectionOf(socket: Duplex, scheme: 'http' | 'https'): ConnectionFacts {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const facts = clientConnectionFacts(socket, scheme);
  connections.set(socket, facts);
  return facts;
}

/** Whether bytes that are written to it go out now: it is connected, and its TLS is agreed on. */
export function isReady(socket: Duplex): boolean {
  return !isTrue(socket, 'connecting') && !isTrue(socket, 'secureConnecting');
}

/** Runs this as soon as bytes go out: at once, or when the socket says so. One listener per connection that is made. */
export function whenReady(socket: Duplex, run: () => void): void {
  if (isReady(socket)) run();
  else socket.once('secureConnecting' in socket ? 'secureConnect' : 'connect', run);
}

function isTrue(socket: Duplex, name: string): boolean {
  return Reflect.get(socket, name) === true;
}
