import {
  byProtocol,
  GardenhoseError,
  type Protocol,
  type Sender,
  type SenderTlsOptions,
} from '@gardenhose/core';
import { createSender } from '@gardenhose/http-adapter';
import type { Command } from 'commander';
import { parseOrigin } from './flags.ts';
import type { LiveTarget } from './schema-flags.ts';
import { certificatePair, certificatesIn } from './tls-flags.ts';

/** Where a capture is sent to, and how. */
export interface TargetFlags {
  readonly to?: string;
  readonly toGrpc?: string;
  readonly keepHost?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Adds the flags of commands that send. */
export function withTargetFlags(command: Command): Command {
  return command
    .option('--to <origin>', 'where to send, such as http://127.0.0.1:3000', parseOrigin)
    .option('--to-grpc <origin>', 'where to send gRPC calls (default: as --to)', parseOrigin)
    .option('--keep-host', 'send the recorded Host and :authority instead of those of the target')
    .option('--ca <file>', 'trust these authorities (PEM) for https targets, instead of those of Node')
    .option('--cert <file>', 'certificate of this client (PEM) for https targets')
    .option('--key <file>', 'private key of --cert (PEM)');
}

/** What is wrong with these flags, as an error; told before a capture is read. */
export function checkTargetFlags({ to, toGrpc, ca, cert, key }: TargetFlags): void {
  if (to === undefined && toGrpc === undefined) {
    throw wrong('--to', 'is missing: name where to send, such as http://127.0.0.1:3000');
  }
  const tls = ca === undefined ? (cert === undefined ? key && '--key' : '--cert') : '--ca';
  if (tls !== undefined && ![to, toGrpc].some((origin) => origin?.startsWith('https:'))) {
    throw wrong(tls, 'has an effect only with an https target; name one, or leave it out');
  }
  if (cert === undefined && key !== undefined) throw wrong('--key', 'goes with --cert; add it');
  if (cert !== undefined && key === undefined) throw wrong('--cert', 'goes with --key; add it');
}

/**
 * The sender for what a capture holds: HTTP and WebSockets go to `--to`, gRPC to `--to-grpc` or else to `--to` as well. What has no target
 * is skipped as `protocol`.
 */
export async function openTarget(flags: TargetFlags, protocols: ReadonlySet<Protocol>): Promise<Sender> {
  const { to, toGrpc = to } = flags;
  const tls = tlsOf(flags);
  const grpc =
    toGrpc === undefined || !protocols.has('grpc') ? undefined : await grpcSender(toGrpc, flags, tls);
  // One that is not needed says where nothing is sent.
  const alone = grpc !== undefined && !protocols.has('http') && !protocols.has('websocket');
  const http =
    to === undefined || alone
      ? undefined
      : createSender(to, { host: flags.keepHost === true ? 'recorded' : 'target', tls: tlsFor(to, tls) });
  if (http !== undefined && grpc !== undefined) return byProtocol({ http, grpc });
  const only = http ?? grpc;
  if (only === undefined) {
    throw wrong('--to', 'is missing: the capture holds no gRPC call, and --to-grpc takes nothing else');
  }
  return only;
}

/** Loaded only where there are calls: the taps beside the sender take a while. */
async function grpcSender(origin: string, flags: TargetFlags, tls: SenderTlsOptions): Promise<Sender> {
  const adapter = await import('@gardenhose/grpc-adapter');
  return adapter.createSender(origin, {
    authority: flags.keepHost === true ? 'recorded' : 'target',
    tls: tlsFor(origin, tls),
  });
}

/** The server that knows its schemas. */
export function liveTarget(flags: TargetFlags, metadata: readonly string[]): LiveTarget {
  const origin = flags.toGrpc ?? flags.to ?? '';
  return { origin, tls: tlsFor(origin, tlsOf(flags)), metadata };
}

function tlsOf({ ca, cert, key }: TargetFlags): SenderTlsOptions {
  return {
    ca: ca === undefined ? undefined : certificatesIn(ca, '--ca'),
    ...(cert === undefined || key === undefined ? {} : certificatePair(cert, key)),
  };
}

function tlsFor(origin: string, tls: SenderTlsOptions): SenderTlsOptions | undefined {
  return origin.startsWith('https:') ? tls : undefined;
}

function wrong(flag: string, why: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${flag} ${why}`, { subject: flag });
}
