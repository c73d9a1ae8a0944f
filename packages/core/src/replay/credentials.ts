import { headerKinds } from '../mask/policy/default-policy.ts';
import type { Exchange } from '../model/exchange.ts';
import type { HeaderList } from '../model/headers.ts';
import { nameCache } from '../model/name-cache.ts';

/** What says who sends: headers that the mask policy takes for credentials, whatever policy the capture had. */
const credentialKinds = ['authorization', 'cookie', 'credential'] as const;
const credentialNames: ReadonlySet<string> = new Set([
  ...credentialKinds.flatMap((kind) => headerKinds[kind]),
  'x-goog-iam-authorization-token',
]);
const credentialPrefixes = [...credentialNames]
  .filter((name) => name.endsWith('*'))
  .map((name) => name.slice(0, -1));

function saysWho(name: string): boolean {
  const lower = name.toLowerCase();
  return credentialNames.has(lower) || credentialPrefixes.some((prefix) => lower.startsWith(prefix));
}

const isCredential = nameCache(saysWho);

/**
 * The exchange without the credentials it was recorded with.
 *
 * @param live - Values of headers that are live and may be sent, by the places of their names in the list
 */
export function withoutCredentials(
  exchange: Exchange,
  live: ReadonlyMap<number, string> = nothingLive,
): Exchange {
  const { request } = exchange;
  const headers = withoutCredentialFields(request.headers, live);
  const trailers = withoutCredentialFields(request.trailers);
  if (headers === request.headers && trailers === request.trailers) return exchange;
  return { ...exchange, request: { ...request, headers, trailers } };
}

function withoutCredentialFields(
  fields: HeaderList,
  live: ReadonlyMap<number, string> = nothingLive,
): HeaderList {
  if (!holdCredential(fields)) return fields;
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = isCredential(name) ? live.get(i) : fields[i + 1];
    if (value !== undefined) kept.push(name, value);
  }
  return kept;
}

function holdCredential(fields: HeaderList): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (isCredential(fields[i] ?? '')) return true;
  }
  return false;
}

const nothingLive: ReadonlyMap<number, string> = new Map();
