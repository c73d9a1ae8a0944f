import { Server as HttpServer, IncomingMessage } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { Duplex } from 'node:stream';
import { secureServers } from '../http2/servers.ts';
import { onEmits } from '../server-emits.ts';

// Node announces requests on a channel, but not upgrades. A listener of `upgrade` would change what a server does that has
// none: it would no longer answer such a request as any other. So what servers emit is looked at as it passes.

/** An upgrade that a server is about to hand to its listeners. */
export interface Upgrade {
  readonly server: unknown;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that came with the head of the request. */
  readonly head: Buffer;
}

/** All classes of servers that upgrade connections. */
const prototypes = [HttpServer.prototype, HttpsServer.prototype, secureServers];

/** Tells of each upgrade that any server of this process hands out. Returns the undo. */
export function onUpgrade(watcher: (upgrade: Upgrade) => void): () => void {
  const undo = prototypes.flatMap((prototype) =>
    prototype === undefined
      ? []
      : onEmits(prototype, (server, args) => {
          if (args[0] === 'upgrade') tell(watcher, server, args);
        }),
  );
  return () => {
    for (const one of undo) one();
  };
}

function tell(
  watcher: (upgrade: Upgrade) => void,
  server: unknown,
  [, request, socket, head]: readonly unknown[],
): void {
  if (request instanceof IncomingMessage && socket instanceof Duplex && head instanceof Buffer) {
    watcher({ server, request, socket, head });
  }
}
