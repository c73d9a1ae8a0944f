import { headerKinds } from '../mask/policy/default-policy.ts';
import type { Exchange } from '../model/exchange.ts';
import { type HeaderList, headerEntries } from '../model/headers.ts';

/** What says who sends: headers that the mask policy takes for credentials, whatever policy the capture had. */
const credentialKinds = ['authorization', 'cookie', 'credential'] as const;
const credentialNames: ReadonlySet<string> = new Set([
  ...credentialKinds.flatMap((kind) => headerKinds[kind]),
  'x-goog-iam-authorization-token',
]);
const credentialPrefixes = [...credentialNames]
  .filter((name) => name.endsWith('*'))
  .map((name) => name.slice(0, -1));

function isCredential(name: string): boolean {
  const lower = name.toLowerCase();
  return credentialNames.has(lower) || credentialPrefixes.some((prefix) => lower.startsWith(prefix));
}

/** The exchange without the credentials it was recorded with. */
export function withoutCredentials(exchange: Exchange): Exchange {
  const { request } = exchange;
  const headers = withoutCredentialFields(request.headers);
  const trailers = withoutCredentialFields(request.trailers);
  if (headers === request.headers && trailers === request.trailers) return exchange;
  return { ...exchange, request: { ...request, headers, trailers } };
}

function withoutCredentialFields(fields: HeaderList): HeaderList {
  if (!fields.some((name, place) => place % 2 === 0 && isCredential(name))) return fields;
  const kept: string[] = [];
  for (const [name, value] of headerEntries(fields)) {
    if (!isCredential(name)) kept.push(name, value);
  }
  return kept;
}
