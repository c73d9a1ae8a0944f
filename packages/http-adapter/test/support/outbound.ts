import { expect, test } from 'vitest';
import { tapClients } from '../../src/tap-client.ts';
import { MemoryTarget } from './memory-target.ts';
import { type WireConnection, wireServer } from './wire-server.ts';

/** Where requests go out. */
export interface OutboundScene {
  readonly origin: string;
  readonly port: number;
  /** Notes something that must be the same with and without the tap. */
  note(what: unknown): void;
}

export interface OutboundBehaviour {
  /** The other service, as it gets bytes. Default answers each whole head. */
  readonly server?: (connection: WireConnection) => void;
  /** The application. What it returns must be the same with and without the tap. */
  readonly drive: (scene: OutboundScene) => Promise<unknown>;
  /** How many exchanges are over at the end. Default 1. */
  readonly over?: number;
  readonly recorded: (target: MemoryTarget, sent: readonly string[]) => void;
  /** Whether the bytes that went out are compared, which a break may cut anywhere. Default true. */
  readonly compareBytes?: boolean;
}

/** Runs the same scene without and with the tap: what went out, and what the application saw, must be the same. */
export function outbound(name: string, what: OutboundBehaviour): void {
  test(name, async () => {
    const without = await run(what);
    const target = new MemoryTarget();
    const withTap = await run(what, target);
    expect(target.failures).toEqual([]);
    expect(withTap.seen).toEqual(without.seen);
    if (what.compareBytes !== false) expect(withTap.sent).toEqual(without.sent);
    what.recorded(target, withTap.sent);
  });
}

async function run(
  { server = () => undefined, drive, over = 1 }: OutboundBehaviour,
  target?: MemoryTarget,
): Promise<{ seen: unknown; sent: string[] }> {
  const notes: unknown[] = [];
  await using at = await wireServer(server);
  const { port } = new URL(at.origin);
  const portless = (text: string): string => text.replaceAll(`:${port}`, ':port');
  const detach = target === undefined ? undefined : tapClients(target);
  try {
    const driven = await drive({
      origin: at.origin,
      port: Number(port),
      note: (one) => void notes.push(one),
    });
    await target?.ended(over);
    return {
      seen: JSON.parse(portless(JSON.stringify([driven ?? null, notes]))),
      sent: at.connections.map(({ text }) => portless(text())),
    };
  } finally {
    detach?.();
  }
}

/** Answers once the whole of a request matches. */
export function answerWhen(pattern: RegExp | string, ...answers: readonly string[]) {
  return (connection: WireConnection): void => {
    const text = connection.text();
    if (typeof pattern === 'string' ? !text.endsWith(pattern) : !pattern.test(text)) return;
    for (const answer of answers) connection.socket.write(answer, 'latin1');
  };
}

/** An answer as text, with its length. */
export const answer = (body: string, headers: readonly string[] = [], status = '200 OK'): string =>
  [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n');
