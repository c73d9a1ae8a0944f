import type { IncomingMessage } from 'node:http';
import type { ExchangeStart, TapTarget } from '@gardenhose/core';
import {
  beginInbound,
  enterNone,
  isOutOfOrder,
  type ResolvedTapOptions,
  reportFailure,
} from '@gardenhose/core/adapter';
import { exchangeStart, isShadow } from '../to-events.ts';
import { factsOf } from '../watch.ts';
import { asksForWebSocket } from './handshake.ts';
import type { Upgrade } from './upgrades.ts';
import { UpgradeWatch } from './watch-upgrade.ts';

const watchesKey: unique symbol = Symbol('gardenhose.upgrades');

/** A request that became a WebSocket, with what watches it for each target. */
interface KnownUpgrade extends IncomingMessage {
  [watchesKey]?: Map<TapTarget, UpgradeWatch | undefined>;
}

/**
 * Records a WebSocket from its handshake to its close, if the upgrade asks for one. Any number of targets may; for each it is
 * recorded once. Never throws.
 */
export function watchUpgrade(upgrade: Upgrade, target: TapTarget, options: ResolvedTapOptions): void {
  try {
    const { socket, head } = upgrade;
    const request: KnownUpgrade = upgrade.request;
    if (!asksForWebSocket(request) || isOutOfOrder(target)) return;
    const watches = request[watchesKey] ?? new Map<TapTarget, UpgradeWatch | undefined>();
    if (watches.has(target)) return;
    request[watchesKey] = watches;
    watches.set(target, undefined);
    if (options.parents) enterNone(socket);
    if (!options.recordShadow && isShadow(request)) return;
    const start: ExchangeStart = {
      ...exchangeStart(request, factsOf(request.socket)),
      protocol: 'websocket',
    };
    const tap = beginInbound(target, options.parents, socket, start);
    if (tap !== undefined) watches.set(target, new UpgradeWatch(socket, head, tap, target));
  } catch (error) {
    reportFailure(target, error);
  }
}

/** Puts a note on the WebSocket that a request asked for; whether it is being recorded. */
export function markUpgrade(req: IncomingMessage, name: string, value: string): boolean {
  const request: KnownUpgrade = req;
  let marked = false;
  for (const watch of request[watchesKey]?.values() ?? [])
    marked = watch?.mark(name, value) === true || marked;
  return marked;
}
