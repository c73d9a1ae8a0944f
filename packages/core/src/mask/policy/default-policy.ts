/** Counts up when the default rules change: part of the policy digest. */
export const defaultPolicyVersion = 'secure/2';

/** Default rules that a policy may switch off by name. */
export const defaultRuleIds = [
  'default/header/network',
  'default/header/body-hash',
  'default/header/etag',
  'default/header/url',
  'default/cookie',
  'default/key/secret',
  'default/key/payment',
  'default/key/identity',
  'default/key/contact',
  'default/key/geo',
  'default/key/device',
  'default/pair',
  'default/graphql-literal',
  'default/proto/debug-redact',
  'default/proto/bytes',
  'default/proto/unknown-field',
  'default/peer',
  'default/lane',
  'default/detect/email',
  'default/detect/card',
  'default/detect/iban',
  'default/detect/jwt',
  'default/detect/bearer',
  'default/detect/api-key',
  'default/detect/url-userinfo',
  'default/detect/assignment',
  'default/detect/ssn',
  'default/detect/phone',
  'default/detect/ip',
] as const;
export type DefaultRuleId = (typeof defaultRuleIds)[number];

/** Default rules that no policy can switch off. */
export const fixedRuleIds = [
  'default/header/credential',
  'default/header/unknown',
  'default/detect/private-key',
  'default/undecodable',
  'default/strict/value',
  'default/strict/header',
] as const;

/** How a header's value is read. */
export type HeaderKind =
  | 'credential'
  | 'authorization'
  | 'challenge'
  | 'email'
  | 'user'
  | 'cookie'
  | 'set-cookie'
  | 'network'
  | 'via'
  | 'forwarded'
  | 'body-hash'
  | 'etag'
  | 'url'
  | 'link'
  | 'refresh'
  | 'subprotocol'
  | 'params'
  | 'disposition'
  | 'percent'
  | 'status-details'
  | 'trace'
  | 'content-type'
  | 'date'
  | 'number'
  | 'handshake'
  | 'kept'
  | 'host';

/** Headers by how they are read. A name ending in `*` stands for all that begin so. What is not here is unknown. */
export const headerKinds: Readonly<Record<HeaderKind, readonly string[]>> = {
  authorization: ['authorization', 'proxy-authorization'],
  challenge: ['www-authenticate', 'proxy-authenticate', 'authentication-info', 'proxy-authentication-info'],
  cookie: ['cookie', 'cookie2'],
  'set-cookie': ['set-cookie', 'set-cookie2'],
  credential: [
    'x-api-key',
    'api-key',
    'apikey',
    'x-apikey',
    'x-auth-token',
    'x-auth',
    'x-access-token',
    'x-id-token',
    'x-refresh-token',
    'x-session-token',
    'x-session-id',
    'x-user-token',
    'x-csrf-token',
    'x-xsrf-token',
    'csrf-token',
    'x-amz-security-token',
    'x-amz-credential',
    'x-goog-api-key',
    'x-goog-iap-jwt-assertion',
    'x-goog-authenticated-user-*',
    'x-ms-client-principal*',
    'x-amzn-oidc-*',
    'x-vault-token',
    'x-consul-token',
    'private-token',
    'job-token',
    'x-gitlab-token',
    'x-shopify-access-token',
    'x-hub-signature*',
    'stripe-signature',
    'x-twilio-signature',
    'x-slack-signature',
    'signature',
    'signature-input',
    'dpop',
    'x-forwarded-access-token',
    'x-ssl-client-cert',
    'x-client-cert',
    'x-forwarded-client-cert',
    'cf-access-jwt-assertion',
    'cf-access-client-*',
    'ocp-apim-subscription-key',
    'x-functions-key',
    'x-rapidapi-key',
    'x-parse-application-id',
    'x-parse-rest-api-key',
    'x-parse-master-key',
    'x-parse-session-token',
  ],
  email: ['x-forwarded-email', 'from'],
  user: ['x-forwarded-user', 'x-remote-user', 'remote-user'],
  network: [
    'x-forwarded-for',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'cf-connecting-ipv6',
    'cf-pseudo-ipv4',
    'fastly-client-ip',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-envoy-external-address',
    'x-original-forwarded-for',
    'x-appengine-user-ip',
    'x-azure-clientip',
    'x-azure-socketip',
  ],
  forwarded: ['forwarded'],
  via: ['via'],
  'body-hash': [
    'content-md5',
    'digest',
    'content-digest',
    'repr-digest',
    'want-digest',
    'want-content-digest',
    'want-repr-digest',
    'x-amz-content-sha256',
    'x-goog-hash',
  ],
  etag: ['etag', 'if-match', 'if-none-match', 'if-range'],
  url: [
    'referer',
    'referrer',
    'location',
    'content-location',
    'origin',
    'x-original-url',
    'x-original-uri',
    'x-rewrite-url',
    'x-forwarded-uri',
    'x-forwarded-path',
    'x-forwarded-prefix',
    'sourcemap',
    'x-sourcemap',
    'access-control-allow-origin',
    'timing-allow-origin',
    ':path',
  ],
  link: ['link'],
  refresh: ['refresh'],
  subprotocol: ['sec-websocket-protocol'],
  params: ['baggage'],
  disposition: ['content-disposition'],
  percent: ['grpc-message'],
  'status-details': ['grpc-status-details-bin'],
  trace: ['traceparent'],
  host: ['host', ':authority', 'x-forwarded-host'],
  'content-type': ['content-type'],
  // Made anew for each connection: a recorded one serves nobody.
  handshake: ['sec-websocket-key', 'sec-websocket-accept'],
  date: ['date', 'expires', 'last-modified', 'if-modified-since', 'if-unmodified-since'],
  number: ['content-length', 'age', ':status'],
  kept: [
    ':method',
    ':scheme',
    'accept*',
    'content-encoding',
    'content-language',
    'content-range',
    'transfer-encoding',
    'te',
    'trailer',
    'connection',
    'upgrade',
    'range',
    'vary',
    'cache-control',
    'retry-after',
    'allow',
    'user-agent',
    'server',
    'tracestate',
    'x-request-id',
    'x-correlation-id',
    'sec-fetch-*',
    'sec-ch-*',
    'access-control-*',
    'strict-transport-security',
    'grpc-encoding',
    'grpc-accept-encoding',
    'grpc-timeout',
    'grpc-status',
  ],
};

/** Kinds of header that no rule of a user can keep, show in part or leave to the detectors. */
export const fixedHeaderKinds: readonly HeaderKind[] = [
  'authorization',
  'challenge',
  'credential',
  'cookie',
  'set-cookie',
  'email',
  'user',
  'status-details',
];

/** Their names; some end in `*`. */
export const fixedHeaders: readonly string[] = fixedHeaderKinds.flatMap((kind) => headerKinds[kind]);

/** Kept headers that tell one client from another: the policy `strict` makes tokens of them. */
const tellingHeaders: ReadonlySet<string> = new Set([
  'user-agent',
  'server',
  'accept-language',
  'x-request-id',
  'x-correlation-id',
  'tracestate',
]);

/** Whether the policy `strict` masks a header, its name in lower case, that `secure` keeps. */
export function isTelling(name: string): boolean {
  return tellingHeaders.has(name) || name.startsWith('sec-ch-');
}

/** Whether a header, its name in lower case, is one of those that are always masked. */
export function isFixedHeader(name: string): boolean {
  return fixedHeaderKinds.some((kind) =>
    headerKinds[kind].some((known) =>
      known.endsWith('*') ? name.startsWith(known.slice(0, -1)) : name === known,
    ),
  );
}

/** Words before credentials that are kept, so that a masked header is still of its kind. */
export const credentialSchemes: ReadonlySet<string> = new Set(
  (
    'basic bearer digest negotiate ntlm hoba mutual scram-sha-1 scram-sha-256 vapid dpop gnap hawk oauth token ' +
    'apikey api-key key jwt aws4-hmac-sha256 aws goog4-rsa-sha256 sharedkey sharedkeylite signature privatetoken'
  ).split(' '),
);
