/**
 * Headers whose value is kept only if it is of this form, which says nothing of anyone; any other is treated as that of
 * a header that no rule knows. Every pattern takes linear time.
 */
const shapes: readonly [names: string, shape: RegExp][] = [
  ['max-forwards x-shadow-seq last-event-id', /^\d{1,12}$/],
  ['upgrade-insecure-requests dnt sec-gpc', /^[01]$/],
  ['save-data', /^on$/i],
  ['expect', /^100-continue$/i],
  ['pragma', /^no-cache$/i],
  ['proxy-connection', /^(?:keep-alive|close)$/i],
  ['keep-alive', /^(?:timeout|max)=\d{1,9}(?:, ?(?:timeout|max)=\d{1,9})?$/i],
  ['priority', /^(?:u=[0-7])?(?:,? ?i(?:=\?[01])?)?$/],
  [
    'prefer preference-applied',
    /^(?:respond-async|return=(?:minimal|representation|headers-only)|handling=(?:strict|lenient)|wait=\d{1,6}|depth-noroot)(?:[,;] ?(?:respond-async|return=(?:minimal|representation|headers-only)|handling=(?:strict|lenient)|wait=\d{1,6}|depth-noroot)){0,5}$/i,
  ],
  ['content-transfer-encoding', /^(?:7bit|8bit|binary|quoted-printable|base64)$/i],
  ['x-requested-with', /^XMLHttpRequest$/i],
  ['x-http-method-override', /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/i],
  ['x-forwarded-proto', /^(?:https?|wss?)(?:, ?(?:https?|wss?)){0,9}$/i],
  ['x-forwarded-port', /^\d{1,5}(?:, ?\d{1,5}){0,9}$/],
  ['x-shadow-traffic', /^true$/i],
  ['x-powered-by', /^(?:Express|Next\.js|ASP\.NET|Servlet\/\d\.\d|PHP\/\d[\d.]{0,9})$/],
  ['x-runtime x-response-time', /^\d{1,9}(?:\.\d{1,9})? ?(?:ms|s)?$/],
  ['x-content-type-options', /^nosniff$/i],
  ['x-frame-options', /^(?:deny|sameorigin)$/i],
  ['x-xss-protection', /^[01](?:; ?mode=block)?$/i],
  ['x-dns-prefetch-control', /^(?:on|off)$/i],
  ['x-download-options', /^noopen$/i],
  [
    'x-permitted-cross-domain-policies',
    /^(?:none|master-only|by-content-type|by-ftp-filename|all|none-this-response)$/i,
  ],
  [
    'x-robots-tag',
    /^(?:all|none|noindex|nofollow|noarchive|nosnippet|noimageindex|notranslate)(?:, ?(?:all|none|noindex|nofollow|noarchive|nosnippet|noimageindex|notranslate)){0,7}$/i,
  ],
  ['x-ua-compatible', /^IE=(?:edge|\d{1,2})(?:,chrome=1)?$/i],
  ['x-accel-buffering', /^(?:yes|no)$/i],
  [
    'ratelimit* x-ratelimit-*',
    /^\d{1,12}(?:\.\d{1,3})?(?:(?:ms|[smhd])(?:\d{1,3}(?:\.\d{1,3})?(?:ms|[smhd])){0,3})?(?:[,;] ?(?:\d{1,12};)?[a-z]{1,2}=\d{1,12}){0,8}$/,
  ],
  ['sec-websocket-version', /^\d{1,3}(?:, ?\d{1,3}){0,9}$/],
  [
    'sec-websocket-extensions',
    /^permessage-deflate(?:; ?(?:(?:client|server)_no_context_takeover|(?:client|server)_max_window_bits(?:=\d{1,2})?)){0,4}$/i,
  ],
  ['origin-agent-cluster', /^\?[01]$/],
  [
    'cross-origin-embedder-policy cross-origin-opener-policy cross-origin-resource-policy',
    /^(?:unsafe-none|require-corp|credentialless|same-origin|same-origin-allow-popups|noopener-allow-popups|same-site|cross-origin)$/i,
  ],
  [
    'referrer-policy',
    /^(?:no-referrer|no-referrer-when-downgrade|origin|origin-when-cross-origin|same-origin|strict-origin|strict-origin-when-cross-origin|unsafe-url)$/i,
  ],
  [
    'alt-svc',
    /^(?:clear|[a-z0-9-]{1,8}=":\d{1,5}"(?:; ?(?:ma=\d{1,10}|persist=1)){0,2}(?:, ?[a-z0-9-]{1,8}=":\d{1,5}"(?:; ?(?:ma=\d{1,10}|persist=1)){0,2}){0,5})$/,
  ],
];

const byName = new Map<string, RegExp>();
const byPrefix: [prefix: string, shape: RegExp][] = [];
for (const [names, shape] of shapes) {
  for (const name of names.split(' ')) {
    if (name.endsWith('*')) byPrefix.push([name.slice(0, -1), shape]);
    else byName.set(name, shape);
  }
}

/** The form that values of this header, its name in lower case, must have to be kept; undefined when it is not listed. */
export function headerShape(name: string): RegExp | undefined {
  return byName.get(name) ?? byPrefix.find(([prefix]) => name.startsWith(prefix))?.[1];
}

/** Whether the whole name stands in the list, so that there is nothing else in it. */
export function isShapedName(name: string): boolean {
  return byName.has(name);
}

/** The names, as the documentation lists them. */
export const shapedHeaders: readonly string[] = shapes.flatMap(([names]) => names.split(' '));
