import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { GardenhoseError } from '@gardenhose/core';
import type { Command } from 'commander';

/** Flags of a command that stands between clients and an origin. */
export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly ca?: string;
}

/** Adds the flags of a command that listens. */
export function withListenTlsFlags(command: Command): Command {
  return command
    .option('--tls-cert <file>', 'listen with TLS, by this certificate (PEM)')
    .option('--tls-key <file>', 'private key of --tls-cert (PEM)');
}

export function withTlsFlags(command: Command): Command {
  return withListenTlsFlags(command).option(
    '--ca <file>',
    'trust the authorities in this file (PEM) where --to is https:',
  );
}

/**
 * What to listen with; undefined without TLS.
 *
 * @throws {@link GardenhoseError} `invalid-option` when one of the two is missing, or they do not fit
 */
export function listenTlsOf({
  tlsCert,
  tlsKey,
}: Pick<TlsFlags, 'tlsCert' | 'tlsKey'>): { cert: string; key: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] =
      tlsCert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new GardenhoseError('invalid-option', `${given} needs ${missing} as well`, { subject: missing });
  }
  return certificatePair(tlsCert, tlsKey);
}

/** @throws {@link GardenhoseError} `invalid-option` when they do not fit */
export function certificatePair(certFile: string, keyFile: string): { cert: string; key: string } {
  const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  checked(
    pair,
    `${certFile} and ${keyFile} are no certificate with its private key, in PEM and without a passphrase`,
  );
  return pair;
}

/**
 * Whom to trust, in PEM; undefined for whom Node trusts.
 *
 * @throws {@link GardenhoseError} `invalid-option` when the origin has no TLS, or there is no certificate in the file
 */
export function caOf({ ca }: TlsFlags, to: string): string | undefined {
  if (ca === undefined) return undefined;
  if (!to.startsWith('https:')) {
    throw new GardenhoseError('invalid-option', '--ca is for an origin with TLS; give --to as https:', {
      subject: '--ca',
    });
  }
  return certificatesIn(ca, '--ca');
}

/** @throws {@link GardenhoseError} `invalid-option` when there is no certificate in the file */
export function certificatesIn(file: string, flag: string): string {
  const text = readFileSync(file, 'utf8');
  const problem = `${file} holds no certificate in PEM`;
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new GardenhoseError('invalid-option', problem, { subject: flag });
  }
  checked({ ca: text }, problem);
  return text;
}

function checked(options: Parameters<typeof createSecureContext>[0], problem: string): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new GardenhoseError('invalid-option', `${problem}${code}`, { cause });
  }
}
