import type { ExchangeEvent } from '../model/event.ts';
import type { HookContext, RecordHooks, ReplayContext, ReplayHooks } from './hook.ts';

/**
 * Several record hooks as one. Each is given what the one before it returned; after a drop, the rest are not asked.
 */
export function composeRecordHooks(list: readonly RecordHooks[]): RecordHooks {
  const raw = list.filter((hooks) => hooks.beforeMask !== undefined);
  return {
    // Not there unless one has it: that a hook sees what is not masked is written into the capture.
    ...(raw.length === 0
      ? {}
      : {
          beforeMask: (event: ExchangeEvent, context: HookContext) =>
            chain(event, raw, watchDrop(context), (hooks, value, watched) =>
              hooks.beforeMask?.(value, watched),
            ),
        }),
    onExchange: (start, context) =>
      chain(start, list, watchDrop(context), (hooks, value, watched) => hooks.onExchange?.(value, watched)),
    onEvent: (event, context) =>
      chain(event, list, watchDrop(context), (hooks, value, watched) => hooks.onEvent?.(value, watched)),
  };
}

/** Several replay hooks as one. `onSend` stops at the first drop; `onOutcome` asks every one. */
export function composeReplayHooks(list: readonly ReplayHooks[]): ReplayHooks {
  return {
    ahead: list.every((hooks) => hooks.onSend === undefined || hooks.ahead === true),
    onSend(exchange, context) {
      const watched = watchDrop(context);
      let value = exchange;
      for (const hooks of list) {
        value = hooks.onSend?.(value, withLane(watched, context)) ?? value;
        if (watched.dropped()) return undefined;
      }
      return value;
    },
    onOutcome(recorded, outcome, context) {
      for (const hooks of list) hooks.onOutcome?.(recorded, outcome, context);
    },
  };
}

interface WatchedContext extends HookContext {
  dropped(): boolean;
}

function watchDrop(context: HookContext): WatchedContext {
  let dropped = false;
  return {
    mark: (name, value) => context.mark(name, value),
    schemas: context.schemas,
    drop() {
      dropped = true;
      context.drop();
    },
    dropped: () => dropped,
  };
}

function withLane(watched: WatchedContext, { lane }: ReplayContext): ReplayContext {
  return { mark: watched.mark, drop: watched.drop, schemas: watched.schemas, lane };
}

type Step<T> = (
  hooks: RecordHooks,
  value: T,
  context: HookContext,
) => T | undefined | void | Promise<T | undefined | void>;

/** Stays synchronous as long as every hook does: a promise per event would cost more than most hooks. */
function chain<T>(
  first: T,
  list: readonly RecordHooks[],
  context: WatchedContext,
  step: Step<T>,
): T | undefined | Promise<T | undefined> {
  let value = first;
  for (const [index, hooks] of list.entries()) {
    const result = step(hooks, value, context);
    if (result instanceof Promise) {
      return result.then((kept) =>
        context.dropped() ? undefined : chain(kept ?? value, list.slice(index + 1), context, step),
      );
    }
    if (context.dropped()) return undefined;
    value = result ?? value;
  }
  return value;
}
