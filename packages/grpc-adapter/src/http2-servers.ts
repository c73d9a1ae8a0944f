import type { Http2Server } from 'node:http2';
import { GardenhoseError } from '@gardenhose/core';

/** The HTTP/2 servers of a server of grpc-js, one for each address and injector: what it keeps to itself. */
export interface Http2Servers {
  /** Those that it has now. */
  all(): Http2Server[];
  /** Tells of each that it gets from now on, before that can be reached. Gives the undo. */
  onAdded(tell: (server: Http2Server) => void): () => void;
}

/** Finds them; undefined where this is no server of grpc-js 1.8 or newer. */
export function http2ServersOf(server: unknown): Http2Servers | undefined {
  if (typeof server !== 'object' || server === null) return undefined;
  if ('http2Servers' in server && server.http2Servers instanceof Map) return ofMap(server.http2Servers);
  if ('http2ServerList' in server && Array.isArray(server.http2ServerList))
    return ofList(server.http2ServerList);
  return undefined;
}

/** What is told of a server that came with grpc-js 1.7 or older, or of a newer one that keeps its servers elsewhere. */
export const unknownServer = (): GardenhoseError =>
  new GardenhoseError('invalid-option', 'server must be a Server of @grpc/grpc-js, 1.8 or newer', {
    subject: 'server',
  });

/** From 1.10 on: a server comes in before it listens, and goes when it closes. */
function ofMap(servers: Map<Http2Server, unknown>): Http2Servers {
  return {
    all: () => [...servers.keys()],
    onAdded(tell) {
      const { set } = servers;
      const told: typeof set = (server, facts) => {
        tell(server);
        return set.call(servers, server, facts);
      };
      servers.set = told;
      return () => {
        if (servers.set === told) servers.set = set;
      };
    },
  };
}

/** In 1.8 and 1.9: a server comes in as soon as it listens, before anything of a connection can be read. */
function ofList(servers: { readonly server: Http2Server }[]): Http2Servers {
  return {
    all: () => servers.map(({ server }) => server),
    onAdded(tell) {
      const { push } = servers;
      const told: typeof push = (...added) => {
        for (const { server } of added) tell(server);
        return push.apply(servers, added);
      };
      servers.push = told;
      return () => {
        if (servers.push === told) servers.push = push;
      };
    },
  };
}
