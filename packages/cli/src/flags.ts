import type { Pace } from '@gardenhose/core';
import { InvalidArgumentError } from 'commander';

// Parsers of flag values. What they refuse becomes a usage error that names the flag, the value and what is expected.

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080` and `8080`; without a host, loopback. Port 0 asks for any free one. */
export function parseAddress(text: string): Address {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:8080.');
  }
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
}

/** An origin: scheme, host and port, without a path. Given back as the URL standard writes it. */
export function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare =
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.pathname === '/' &&
    `${url.search}${url.hash}${url.username}${url.password}` === '';
  if (!bare)
    throw new InvalidArgumentError('Expected an origin without a path, such as http://127.0.0.1:3000.');
  return url.origin;
}

/** `recorded`, `asap`, or a number of requests per second. */
export function parsePace(text: string): Pace {
  if (text === 'recorded' || text === 'asap') return text;
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(rate > 0 && Number.isFinite(rate))) {
    throw new InvalidArgumentError('Expected "recorded", "asap" or a number of requests per second.');
  }
  return { rate };
}

/** A number over 0. */
export function parsePositive(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a number over 0.');
  return value;
}

/** A whole number over 0. */
export function parseCount(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (!(value > 0 && Number.isSafeInteger(value))) {
    throw new InvalidArgumentError('Expected a whole number over 0.');
  }
  return value;
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time with its unit (`500ms`, `90s`, `15m`, `12h`, `7d`), in milliseconds. */
export function parseTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unit = Object.entries(unitMs).find(([name]) => name === match?.[2])?.[1] ?? 0;
  const ms = Math.round(Number(match?.[1]) * unit);
  if (!(ms > 0 && Number.isSafeInteger(ms))) {
    throw new InvalidArgumentError('Expected a time with its unit, such as 90s, 15m, 12h or 7d.');
  }
  return ms;
}

/** For flags that may be given more than once. */
export function collect<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, parse(text)];
}

/** A share, over 0 up to 1. */
export function parseRatio(text: string): number {
  const value = parsePositive(text);
  if (value > 1) throw new InvalidArgumentError('Expected a number over 0 and up to 1.');
  return value;
}
