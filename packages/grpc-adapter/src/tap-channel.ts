import { type ClientTapOptions, GardenhoseError, type TapTarget } from '@gardenhose/core';
import { isOutOfOrder, parentOf, reportFailure, resolveTapOptions } from '@gardenhose/core/adapter';
import type { Channel, ChannelInterface, ClientOptions } from '@grpc/grpc-js';
import { watchClientCall } from './watch-client-call.ts';

type ChannelFactory = NonNullable<ClientOptions['channelFactoryOverride']>;

/** What {@link tapChannel} can be told. */
export interface ChannelTapOptions extends ClientTapOptions {
  /** The application's own copy of `@grpc/grpc-js`: its `Channel` is the one that is made. */
  readonly grpc: { readonly Channel: typeof Channel };
  /** Makes the channel, where the application has its own way to. Default `new grpc.Channel(address, credentials, options)`. */
  readonly channelFactoryOverride?: ChannelFactory | undefined;
}

let channels = 0;

/**
 * Records the calls that a client makes to another service, as outbound exchanges: give what it returns to the client as
 * options. It sees the bytes below all serialisers and interceptors. Each channel is a lane.
 *
 * @throws GardenhoseError `invalid-option` if `grpc` is no `@grpc/grpc-js`, or an option is wrong
 * @example
 * const client = new Greeter(address, credentials, { ...tapChannel(recorder, { grpc }) });
 */
export function tapChannel(
  target: TapTarget,
  options: ChannelTapOptions,
): { channelFactoryOverride: ChannelFactory } {
  const resolved = resolveTapOptions(options);
  const given: unknown = options?.grpc?.Channel;
  if (typeof given !== 'function') {
    throw new GardenhoseError('invalid-option', 'grpc must be the module @grpc/grpc-js', { subject: 'grpc' });
  }
  const { grpc } = options;
  const make: ChannelFactory =
    options.channelFactoryOverride ??
    ((address, credentials, rest) => new grpc.Channel(address, credentials, rest));
  return {
    channelFactoryOverride: (address, credentials, rest) => {
      const channel = make(address, credentials, rest);
      try {
        tapCalls(channel, target, resolved.recordShadow, {
          scheme: isSecure(credentials) ? 'https' : 'http',
          authority: authorityOf(address, rest),
        });
      } catch (error) {
        reportFailure(target, error);
      }
      return channel;
    },
  };
}

interface ChannelFacts {
  readonly scheme: 'http' | 'https';
  readonly authority: string | undefined;
}

/** Channels that a target is told of already. */
const tapped = new WeakMap<ChannelInterface, Set<TapTarget>>();

function tapCalls(
  channel: ChannelInterface,
  target: TapTarget,
  recordShadow: boolean,
  facts: ChannelFacts,
): void {
  const lane = nameLane(channel, target);
  const { createCall } = channel;
  channel.createCall = (...args) => {
    const call = createCall.apply(channel, args);
    watchCreated(call, args, target, { ...facts, lane, recordShadow });
    return call;
  };
}

function nameLane(channel: ChannelInterface, target: TapTarget): string {
  const targets = tapped.get(channel) ?? new Set();
  tapped.set(channel, targets.add(target));
  channels += 1;
  return `gc${channels}`;
}

function watchCreated(
  call: ReturnType<ChannelInterface['createCall']>,
  [method, deadline, host]: Parameters<ChannelInterface['createCall']>,
  target: TapTarget,
  facts: ChannelFacts & { readonly lane: string; readonly recordShadow: boolean },
): void {
  if (isOutOfOrder(target)) return;
  watchClientCall(call, target, {
    ...facts,
    method,
    deadline,
    authority: host ?? facts.authority,
    parent: parentOf(target),
  });
}

interface KnownChannel extends ChannelInterface {
  /** What it keeps to itself. */
  readonly internalChannel?: { readonly credentials?: unknown; readonly defaultAuthority?: unknown };
}

/**
 * Records the calls of all channels of a copy of grpc-js, those of {@link tapChannel} for the same target once.
 *
 * @throws GardenhoseError `invalid-option` if `grpc` is no `@grpc/grpc-js`
 */
export function tapChannels(
  target: TapTarget,
  grpc: { readonly Channel?: { readonly prototype: Channel } },
  recordShadow: boolean,
): () => void {
  const prototype = grpc.Channel?.prototype;
  if (typeof prototype?.createCall !== 'function') {
    throw new GardenhoseError('invalid-option', 'grpc must be the module @grpc/grpc-js', { subject: 'grpc' });
  }
  const { createCall } = prototype;
  const known = new WeakMap<ChannelInterface, ChannelFacts & { readonly lane: string }>();
  const factsOf = (channel: KnownChannel): (ChannelFacts & { readonly lane: string }) | undefined => {
    const facts = known.get(channel);
    if (facts !== undefined || tapped.get(channel)?.has(target) === true) return facts;
    const { credentials, defaultAuthority: authority } = channel.internalChannel ?? {};
    const made: ChannelFacts & { readonly lane: string } = {
      lane: nameLane(channel, target),
      scheme:
        typeof credentials === 'object' && credentials !== null && isSecure(credentials) ? 'https' : 'http',
      authority: typeof authority === 'string' ? authority : authorityOf(channel.getTarget(), {}),
    };
    known.set(channel, made);
    return made;
  };
  let attached = true;
  const told: typeof createCall = function (this: KnownChannel, ...args) {
    const call = createCall.apply(this, args);
    try {
      const facts = attached ? factsOf(this) : undefined;
      if (facts !== undefined) watchCreated(call, args, target, { ...facts, recordShadow });
    } catch (error) {
      reportFailure(target, error);
    }
    return call;
  };
  prototype.createCall = told;
  return () => {
    attached = false;
    if (prototype.createCall === told) prototype.createCall = createCall;
  };
}

/** What `:authority` will be, where that is plain from the address. */
function authorityOf(address: string, options: ClientOptions): string | undefined {
  const given: unknown = options['grpc.default_authority'];
  if (typeof given === 'string') return given;
  const [, rest] = /^(?:dns:(?:\/\/[^/]*\/)?)?([^:/]+(?::\d+)?|\[[^\]]+\](?::\d+)?)$/.exec(address) ?? [];
  return rest;
}

/** Whether the channel will use TLS: what its credentials keep to themselves; taken for no where they do not say. */
function isSecure(credentials: object): boolean {
  return (
    '_isSecure' in credentials &&
    typeof credentials._isSecure === 'function' &&
    credentials._isSecure() === true
  );
}
