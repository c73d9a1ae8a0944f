import type { EventEmitter } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { expect, test } from 'vitest';
import { attach } from '../../src/attach.ts';
import { MemoryTarget } from './memory-target.ts';
import { listening, RawClient } from './servers.ts';

/** Where a behaviour takes place. */
export interface Scene {
  readonly port: number;
  readonly origin: string;
  readonly server: Server;
  /** A connection of the client; its bytes are compared. */
  readonly client: RawClient;
  /** Notes something that must be the same with and without the tap. */
  note(what: unknown): void;
  /** Resolves when something like this was noted by the application or as an event of a message. */
  noted(what: string): Promise<void>;
}

export interface Behaviour {
  /** The application. */
  readonly app: (scene: Pick<Scene, 'note' | 'noted'>) => RequestListener;
  readonly server?: (listener: RequestListener, scene: Pick<Scene, 'note' | 'noted'>) => Server;
  /** The client. What it returns must be the same with and without the tap. */
  readonly drive: (scene: Scene) => Promise<unknown>;
  /** How many exchanges are over at the end. Default 1. */
  readonly over?: number;
  /** What must have been recorded. */
  readonly recorded: (target: MemoryTarget) => void;
  /**
   * Which events of the messages are compared, in order. `all` (default): repeats of one event count as one.
   * `lifecycle`: not those of the flow, whose number depends on how the network cuts the bytes.
   */
  readonly events?: 'all' | 'lifecycle';
}

const flow = new Set(['data', 'readable', 'drain', 'pause', 'resume', 'pipe', 'unpipe']);

/** Runs the same scene without and with the tap: what client and application see must be the same. */
export function behaviour(name: string, what: Behaviour): void {
  test(name, async () => {
    const without = await run(what);
    const target = new MemoryTarget();
    const withTap = await run(what, target);
    expect(target.failures).toEqual([]);
    expect(withTap).toEqual(without);
    what.recorded(target);
  });
}

async function run(what: Behaviour, target?: MemoryTarget): Promise<unknown> {
  const notes: unknown[] = [];
  const events = new Map<string, string[]>();
  let waiting: { what: string; wake: () => void }[] = [];
  const seen: string[] = [];
  const tell = (line: string): void => {
    seen.push(line);
    waiting = waiting.filter((one) => {
      if (one.what !== line) return true;
      one.wake();
      return false;
    });
  };
  const scene = {
    note(one: unknown): void {
      notes.push(one);
      if (typeof one === 'string') tell(one);
    },
    async noted(line: string): Promise<void> {
      if (!seen.includes(line)) await new Promise<void>((wake) => waiting.push({ what: line, wake }));
    },
  };
  const spy = (message: EventEmitter, label: string): void => {
    const { emit } = message;
    const list: string[] = [];
    events.set(label, list);
    message.emit = (name: string, ...args: unknown[]): boolean => {
      const compared = what.events !== 'lifecycle' || !flow.has(name);
      if (compared && list.at(-1) !== name) list.push(name);
      const result = Reflect.apply(emit, message, [name, ...args]);
      tell(`${label} ${name}`);
      return result;
    };
  };
  let count = 0;
  const app = what.app(scene);
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    count += 1;
    spy(req, `req${count}`);
    spy(res, `res${count}`);
    app(req, res);
  };
  await using at = await listening(what.server?.(listener, scene) ?? createServer(listener));
  const detach = target === undefined ? undefined : attach(target);
  try {
    using client = await RawClient.open(at.port);
    const { port, origin, server } = at;
    const driven = await what.drive({ ...scene, port, origin, server, client });
    await target?.ended(what.over ?? 1);
    return { driven, notes, wire: client.text, events: Object.fromEntries(events) };
  } finally {
    detach?.();
  }
}

/** A request as text. A body gets its length. */
export function asked(line: string, headers: readonly string[] = [], body?: string): string {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  return [`${line} HTTP/1.1`, 'Host: a', ...headers, ...length, '', body ?? ''].join('\r\n');
}

/** Every byte there is, as text in latin1. */
export const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
