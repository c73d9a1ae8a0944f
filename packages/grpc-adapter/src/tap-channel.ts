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

function tapCalls(
  channel: ChannelInterface,
  target: TapTarget,
  recordShadow: boolean,
  facts: { readonly scheme: 'http' | 'https'; readonly authority: string | undefined },
): void {
  channels += 1;
  const lane = `gc${channels}`;
  const { createCall } = channel;
  channel.createCall = (...args) => {
    const call = createCall.apply(channel, args);
    if (!isOutOfOrder(target)) {
      const [method, deadline, host] = args;
      watchClientCall(call, target, {
        ...facts,
        lane,
        method,
        deadline,
        authority: host ?? facts.authority,
        parent: parentOf(target),
        recordShadow,
      });
    }
    return call;
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
