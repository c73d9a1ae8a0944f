import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

// Every place of HTTP/1.1 in which a server can receive or send a secret. Names say where it stands.

/** One secret, told from all others by its number, in the shapes that policies know. */
export interface Secret {
  /** A word that only the name beside it gives away. */
  readonly word: string;
  readonly email: string;
  readonly card: string;
  readonly jwt: string;
  readonly apiKey: string;
}

/** What is sent to the server, what it answers, and what must not be found afterwards. */
export interface Position {
  readonly find?: keyof Secret;
  readonly request?: (secret: Secret) => string | Buffer;
  readonly respond?: (res: ServerResponse, secret: Secret) => void;
  /** A note that the application puts on the exchange. */
  readonly mark?: (secret: Secret) => readonly [name: string, value: string];
  /** The client goes away instead of waiting for the answer. */
  readonly breaksOff?: true;
  /** It never gets to where it could be recorded: also the control finds nothing. */
  readonly neverSeen?: true;
}

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

const get = (target: string, ...headers: string[]) =>
  `GET ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;

const post = (type: string, body: string | Buffer, ...headers: string[]): Buffer => {
  const bytes = Buffer.from(body);
  const lines = type === '' ? headers : [`Content-Type: ${type}`, ...headers];
  const head = get('/x', ...lines, `Content-Length: ${bytes.length}`).replace('GET', 'POST');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
};

/** A chunked body, cut into these pieces, with these trailers. */
const chunked = (type: string, pieces: readonly string[], trailers: readonly string[] = [], extension = '') =>
  get('/x', `Content-Type: ${type}`, 'Transfer-Encoding: chunked', 'Trailer: X-Sum').replace('GET', 'POST') +
  pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}${extension}\r\n${piece}\r\n`).join('') +
  `0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;

const percent = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const header =
  (name: string): NonNullable<Position['request']> =>
  ({ word }) =>
    get('/x', `${name}: ${word}`);
const jsonBody = (body: (secret: Secret) => unknown): Position => ({
  request: (secret) => post(json, JSON.stringify(body(secret))),
});
const password = ({ word }: Secret): string => JSON.stringify({ password: word });
const answer =
  (
    type: string,
    body: (secret: Secret) => string | Buffer,
    coding?: string,
  ): NonNullable<Position['respond']> =>
  (res, secret) => {
    if (type !== '') res.setHeader('Content-Type', type);
    if (coding !== undefined) res.setHeader('Content-Encoding', coding);
    res.end(body(secret));
  };
const answerHeader =
  (name: string, value: (secret: Secret) => string): NonNullable<Position['respond']> =>
  (res, secret) => {
    res.setHeader(name, value(secret));
    res.end();
  };
const multipart = (part: string): string => `--cut\r\n${part}\r\n--cut--\r\n`;
const multipartType = 'multipart/form-data; boundary=cut';
const twoCodings = (text: string): Buffer => brotliCompressSync(gzipSync(text));

export const positions: Readonly<Record<string, Position>> = {
  // The request target.
  'path segment': { find: 'email', request: ({ email }) => get(`/users/${email}`) },
  'path segment, percent-encoded': { find: 'email', request: ({ email }) => get(`/users/${percent(email)}`) },
  'path segment, encoded twice': {
    find: 'email',
    request: ({ email }) => get(`/users/${percent(percent(email))}`),
  },
  'path segment, token': { find: 'jwt', request: ({ jwt }) => get(`/confirm/${jwt}`) },
  'path segment by a rule of the user': { request: ({ word }) => get(`/people/${word}`) },
  'path segment by a rule, slash behind it': { request: ({ word }) => get(`/people/${word}/`) },
  'path segment by a rule, in other case': { request: ({ word }) => get(`/PEOPLE/${word}`) },
  'path segment by a rule, absolute form': {
    request: ({ word }) => get(`http://shop.test/people/${word}?a`),
  },
  'matrix parameter': { request: ({ word }) => get(`/a;sid=${word};x=1/b`) },
  'query value by name': { request: ({ word }) => get(`/?token=${word}`) },
  'query value by look': { find: 'card', request: ({ card }) => get(`/?q=${card}`) },
  'query name': { find: 'email', request: ({ email }) => get(`/?${percent(email)}=1`) },
  'query name in brackets': { request: ({ word }) => get(`/?user[0][password]=${word}`) },
  'query name in encoded brackets': { request: ({ word }) => get(`/?user%5Bpassword%5D=${word}`) },
  'query name, encoded': { request: ({ word }) => get(`/?${percent('password')}=${word}`) },
  'query name, encoded twice': { request: ({ word }) => get(`/?${percent(percent('password'))}=${word}`) },
  'query, second of two': { request: ({ word }) => get(`/?token=&token=${word}`) },
  'query, plus as space': { find: 'email', request: ({ email }) => get(`/?q=to+${email}+now`) },
  'query, semicolon between': { request: ({ word }) => get(`/?a=1;password=${word}`) },
  'query, question mark twice': { request: ({ word }) => get(`/?a=1?password=${word}`) },
  'query, encoded ampersand': { request: ({ word }) => get(`/?a=1%26password%3D${word}`) },
  fragment: { request: ({ word }) => get(`http://shop.test/#access_token=${word}`) },
  'user information': { request: ({ word }) => get(`http://${word}:${word}@shop.test/`) },
  'JSON in a query': { request: (secret) => get(`/?filter=${percent(password(secret))}`) },
  'base64 of JSON in a query': { request: (secret) => get(`/?state=${base64(password(secret))}`) },
  'web token in a query': { find: 'jwt', request: ({ jwt }) => get(`/?x=${jwt}`) },
  'URL in a query': { request: ({ word }) => get(`/?to=${percent(`https://x.test/?token=${word}`)}`) },
  'URL in a URL in a query': {
    request: ({ word }) => get(`/?to=${percent(`/?to=${percent(`/?token=${word}`)}`)}`),
  },
  'invalid percent code': { request: ({ word }) => get(`/?q=%ZZ${word}`) },
  'percent code of 16 bits': { request: ({ word }) => get(`/?q=%u0041${word}`) },
  'target with bytes over 127': {
    find: 'email',
    request: ({ email }) => Buffer.from(get(`/?q=\u00e9${email}`), 'utf8'),
    neverSeen: true,
  },
  'options of everything': { request: ({ word }) => get('*', `X-Token: ${word}`).replace('GET', 'OPTIONS') },

  // Request headers.
  'Basic credentials': { request: ({ word }) => get('/', `Authorization: Basic ${base64(`${word}:x`)}`) },
  'Bearer credentials': { request: ({ word }) => get('/', `Authorization: Bearer ${word}`) },
  'credentials of an unknown scheme': { request: ({ word }) => get('/', `Authorization: ${word} x`) },
  'credentials of two schemes': { request: ({ word }) => get('/', `Authorization: Basic x, Bearer ${word}`) },
  'Digest credentials': { request: ({ word }) => get('/', `Authorization: Digest username="${word}"`) },
  'AWS credentials': {
    request: ({ word }) =>
      get('/', `Authorization: AWS4-HMAC-SHA256 Credential=${word}/x, Signature=${word}`),
  },
  'proxy credentials': { request: header('Proxy-Authorization') },
  'header name in mixed case': { request: header('aUTHORIZATION') },
  'repeated header': { request: ({ word }) => get('/', 'X-Api-Key: a', `X-Api-Key: ${word}`) },
  'repeated Host': { find: 'email', request: ({ email }) => get('/', `Host: ${email}`), neverSeen: true },
  'space around a value': { request: ({ word }) => get('/', `X-Api-Key: \t ${word} \t`) },
  'custom header': { request: header('X-Whatever') },
  'custom header that begins as a known one': { request: header('Accept-Secret') },
  'custom header that begins as one of access control': { request: header('Access-Control-Token') },
  'header name': { find: 'card', request: ({ card }) => get('/', `X-${card}: 1`) },
  'header value in UTF-8': {
    find: 'email',
    request: ({ email }) => Buffer.from(get('/', `User-Agent: caf\u00e9 ${email}`), 'utf8'),
  },
  'header value in Latin-1': {
    find: 'email',
    request: ({ email }) => Buffer.from(get('/', `User-Agent: caf\u00e9 ${email}`), 'latin1'),
  },
  'a credential in Host': { find: 'email', request: ({ email }) => get('/').replace('shop.test', email) },
  cookie: { request: ({ word }) => get('/', `Cookie: theme=${word}`) },
  'cookie without a name': { request: ({ word }) => get('/', `Cookie: ${word}`) },
  'cookie with an empty name': { request: ({ word }) => get('/', `Cookie: =${word}`) },
  'cookie in quotes': { request: ({ word }) => get('/', `Cookie: a="x;${word}"`) },
  'cookie, malformed': { request: ({ word }) => get('/', `Cookie: a=1; ${word}; b=2`) },
  'cookie with a comma': { request: ({ word }) => get('/', `Cookie: a=1, sid=${word}`) },
  'cookie name': { find: 'email', request: ({ email }) => get('/', `Cookie: ${percent(email)}=1`) },
  'cookie, encoded': { request: ({ word }) => get('/', `Cookie: a=${percent(word)}`) },
  'two Cookie headers': { request: ({ word }) => get('/', 'Cookie: a=1', `Cookie: b=${word}`) },
  Referer: { request: ({ word }) => get('/', `Referer: https://x.test/?token=${word}`) },
  Origin: { request: ({ word }) => get('/', `Origin: https://${word}@x.test`) },
  Forwarded: { request: ({ word }) => get('/', `Forwarded: for="${word}";by=${word}`) },
  'X-Forwarded-For': { request: header('X-Forwarded-For') },
  Via: { find: 'email', request: ({ email }) => get('/', `Via: 1.1 ${email}`) },
  'User-Agent': { find: 'email', request: ({ email }) => get('/', `User-Agent: bot/1 (${email})`) },
  From: { find: 'email', request: ({ email }) => get('/', `From: Zoe <${email}>`) },
  'If-None-Match': { request: ({ word }) => get('/', `If-None-Match: "a", W/"${word}"`) },
  'Content-MD5': { request: header('Content-MD5') },
  'WebSocket subprotocol': { request: ({ word }) => get('/', `Sec-WebSocket-Protocol: v1, Bearer_${word}`) },
  baggage: { request: ({ word }) => get('/', `baggage: user=${word};p=${word}`) },
  tracestate: { find: 'email', request: ({ email }) => get('/', `tracestate: x=${email}`) },
  'Content-Disposition': {
    request: ({ word }) => get('/', `Content-Disposition: form-data; filename="${word}.pdf"`),
  },
  'content type parameter': { find: 'email', request: ({ email }) => post(`text/plain; x=${email}`, 'a') },
  'request trailer': { request: ({ word }) => chunked('text/plain', ['abc'], [`X-Sum: ${word}`]) },
  'chunk extension': {
    request: ({ word }) => chunked('text/plain', ['abc'], [], `;password=${word}`),
    neverSeen: true,
  },
  'HTTP/1.0': { request: ({ word }) => get(`/?token=${word}`).replace('HTTP/1.1', 'HTTP/1.0') },
  'pipelined requests': { request: ({ word }) => `GET / HTTP/1.1\r\nHost: a\r\n\r\n${get(`/?sid=${word}`)}` },

  // JSON.
  'JSON by name': { request: (secret) => post(json, password(secret)) },
  'JSON, escaped name': { request: ({ word }) => post(json, `{"p\\u0061ssword":"${word}"}`) },
  'JSON, escaped value': {
    find: 'email',
    request: ({ email }) => post(json, `["${email.replace('@', '\\u0040')}"]`),
  },
  'JSON, escaped by slashes': { request: ({ word }) => post(json, `{"u":"https:\\/\\/x\\/?token=${word}"}`) },
  'JSON name': { find: 'email', request: ({ email }) => post(json, `{"${email}":1}`) },
  'JSON name, escaped': {
    find: 'email',
    request: ({ email }) => post(json, `{"${email.replace('@', '\\u0040')}":1}`),
  },
  'JSON number': { find: 'card', request: ({ card }) => post(json, `{"cardNumber":${card}}`) },
  'JSON number by look': { find: 'card', request: ({ card }) => post(json, `{"x":${card}}`) },
  'JSON number, exponent': { find: 'card', request: ({ card }) => post(json, `{"cardNumber":${card}e0}`) },
  'JSON, nested arrays': jsonBody(({ word }) => ({ tokens: [[{ a: [word] }]] })),
  'JSON, name and value': jsonBody(({ word }) => [{ name: 'password', value: word }]),
  'JSON, value and name': jsonBody(({ word }) => [{ value: word, key: 'api_key' }]),
  'JSON, list of headers': jsonBody(({ word }) => [{ name: 'Authorization', value: word }]),
  'JSON, repeated name': { request: ({ word }) => post(json, `{"password":"a","password":"${word}"}`) },
  'JSON, too deep': {
    find: 'email',
    request: ({ email }) => post(json, `${'['.repeat(200)}"${email}"${']'.repeat(200)}`),
  },
  'JSON in JSON': jsonBody((secret) => ({ a: password(secret) })),
  'JSON in JSON in JSON': jsonBody((secret) => ({ a: JSON.stringify({ b: password(secret) }) })),
  'JSON in JSON five times': jsonBody((secret) => {
    let text = password(secret);
    for (let i = 0; i < 5; i++) text = JSON.stringify({ a: text });
    return { a: text };
  }),
  'JSON within a text in JSON': jsonBody((secret) => ({ error: `cannot parse ${password(secret)} here` })),
  'form within JSON': jsonBody(({ word }) => ({ body: `a=1&client_secret=${word}` })),
  'web token in JSON': { ...jsonBody(({ jwt }) => ({ x: jwt })), find: 'jwt' },
  'API key in JSON': { ...jsonBody(({ apiKey }) => ({ x: `key ${apiKey}.` })), find: 'apiKey' },
  'base64 of JSON in JSON': jsonBody((secret) => ({ x: base64(password(secret)) })),
  'connection string in JSON': jsonBody(({ word }) => ({ dsn: `postgres://app:${word}@db.test/x` })),
  'header text in JSON': jsonBody(({ jwt }) => ({ raw: `GET / HTTP/1.1\r\nAuthorization: Bearer ${jwt}` })),
  'JSON lines': { request: (secret) => post('application/x-ndjson', `{"a":1}\n${password(secret)}\n`) },
  'JSON lines, the last one cut': {
    request: (secret) => post('application/x-ndjson', `{"a":1}\n${password(secret).slice(0, -2)}`),
  },
  'JSON lines of no type': { request: (secret) => post('', `{"a":1}\n${password(secret)}\n`) },
  'JSON sequence': { request: (secret) => post('application/json-seq', `\x1e${password(secret)}\n`) },
  'JSON behind a byte order mark': { request: (secret) => post(json, `\ufeff${password(secret)}`) },
  'JSON in UTF-16': { request: (secret) => post(json, Buffer.from(password(secret), 'utf16le')) },
  'JSON in UTF-16, said so': {
    request: (secret) => post(`${json}; charset="UTF-16LE"`, Buffer.from(password(secret), 'utf16le')),
  },
  'JSON with something behind it': { request: (secret) => post(json, `{"a":1} ${password(secret)}`) },
  'JSON, cut': { request: (secret) => post(json, password(secret).slice(0, -2)) },
  'JSON without a type': { request: (secret) => post('', password(secret)) },
  'JSON of another type': { request: (secret) => post('text/plain', password(secret)) },
  'JSON said to be a form': { request: (secret) => post(form, password(secret)) },
  'JSON said to be an event stream': { request: (secret) => post('text/event-stream', password(secret)) },
  'JSON with two types': {
    request: (secret) => post('text/plain', password(secret), `Content-Type: ${json}`),
  },
  'JSON with a function around it': { request: (secret) => post(json, `callback(${password(secret)})`) },
  'JSON with a function around it, as text': {
    request: (secret) => post('text/plain', `callback(${password(secret)})`),
  },
  'JSON within a text': { request: (secret) => post('text/plain', `POST ${password(secret)} failed`) },
  'JSON behind a guard': { request: (secret) => post(json, `)]}'\n${password(secret)}`) },
  'JSON, name of an object prototype': { request: (s) => post(json, `{"__proto__":${password(s)}}`) },
  'JSON, lone surrogate': { request: ({ word }) => post(json, `{"a":"\\ud800","password":"${word}"}`) },
  'JSON, invalid UTF-8': {
    request: ({ word }) =>
      post(json, Buffer.concat([Buffer.from(`{"a":"${word}`), Buffer.from([0xff, 0x22, 0x7d])])),
  },
  'JSON in pieces': { request: (secret) => chunked(json, [...password(secret)]) },
  'GraphQL literal': jsonBody(({ word }) => ({ query: `{ user(name: "${word}") { id } }` })),
  'GraphQL variables': jsonBody(({ word }) => ({
    query: 'query($p: String) { x }',
    variables: { pin: word },
  })),
  'GraphQL comment': jsonBody(({ word }) => ({ query: `{ user { id } } # ${word}` })),
  'GraphQL in a query': {
    request: ({ word }) => get(`/?query=${percent(`{ user(name: "${word}") { id } }`)}`),
  },
  'GraphQL document': {
    request: ({ word }) => post('application/graphql', `{ user(name: "${word}") { id } }`),
  },
  'GraphQL, several at once': jsonBody(({ word }) => [{ query: `{ a(b: "${word}") }` }]),

  // Forms and parts.
  'form value': { request: ({ word }) => post(form, `a=1&password=${word}`) },
  'form value by look': { find: 'email', request: ({ email }) => post(form, `a=${percent(email)}`) },
  'form name': { find: 'email', request: ({ email }) => post(form, `${percent(email)}=1`) },
  'form name, encoded': { request: ({ word }) => post(form, `${percent('password')}=${word}`) },
  'form, encoded value': { request: ({ word }) => post(form, `password=${percent(word)}`) },
  'form, name in JSON style': {
    request: ({ word }) => post(form, `user.pass-word=1&user[password][]=${word}`),
  },
  'JSON in a form': { request: (secret) => post(form, `a=${percent(password(secret))}`) },
  'web token in JSON in a form': {
    find: 'jwt',
    request: ({ jwt }) => post(form, `a=${percent(JSON.stringify({ b: jwt }))}`),
  },
  'form, invalid percent code': { request: ({ word }) => post(form, `a=%ZZ${word}`) },
  'form said to be text': { request: ({ word }) => post('text/plain', `a=1&password=${word}`) },
  'form without a type': { request: ({ word }) => post('', `a=1&password=${word}`) },
  'form in pieces': { request: ({ word }) => chunked(form, ['a=1&pass', 'word=', ...word]) },
  'part of a form': {
    request: ({ word }) =>
      post(multipartType, multipart(`Content-Disposition: form-data; name="password"\r\n\r\n${word}`)),
  },
  'file name of a part': {
    request: ({ word }) =>
      post(multipartType, multipart(`Content-Disposition: form-data; name="f"; filename="${word}"\r\n\r\nx`)),
  },
  'text before the first part': {
    request: ({ word }) => post(multipartType, `${word}\r\n${multipart('\r\na')}`),
  },
  'parts said to be text': {
    request: ({ word }) =>
      post('text/plain', multipart(`Content-Disposition: form-data; name="password"\r\n\r\n${word}`)),
  },
  'parts within parts': {
    request: ({ word }) =>
      post(
        multipartType,
        multipart(`Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${word}\r\n--b--`),
      ),
  },

  // Other contents.
  text: { find: 'email', request: ({ email }) => post('text/plain', `mail ${email}`) },
  'text in pieces': { find: 'card', request: ({ card }) => chunked('text/plain', [...`pay by ${card}`]) },
  'text in UTF-16': {
    find: 'email',
    request: ({ email }) => post('text/plain', Buffer.from(`mail ${email}`, 'utf16le')),
  },
  XML: { request: ({ word }) => post('application/xml', `<password>${word}</password>`) },
  'XML said to be text': { request: ({ word }) => post('text/plain', `<password>${word}</password>`) },
  'no known type': { request: ({ word }) => post('application/octet-stream', word) },
  'no type': { request: ({ word }) => post('', word) },

  // Content codings.
  gzip: { request: (secret) => post(json, gzipSync(password(secret)), 'Content-Encoding: gzip') },
  'gzip, also when nothing is masked in it': {
    request: ({ word }) => post(json, withFileName(gzipSync('{"a":1}'), word), 'Content-Encoding: gzip'),
  },
  'gzip, two members': {
    request: (secret) =>
      post(
        json,
        Buffer.concat([gzipSync('[1,'), gzipSync(`${password(secret)}]`)]),
        'Content-Encoding: gzip',
      ),
  },
  'gzip and something behind it': {
    request: ({ word }) =>
      post(json, Buffer.concat([gzipSync('{"a":1}'), Buffer.from(word)]), 'Content-Encoding: gzip'),
  },
  'gzip, cut': {
    find: 'word',
    request: (secret) => post(json, gzipSync(password(secret)).subarray(0, -9), 'Content-Encoding: gzip'),
  },
  brotli: { request: (secret) => post(json, brotliCompressSync(password(secret)), 'Content-Encoding: br') },
  deflate: { request: (secret) => post(json, deflateSync(password(secret)), 'Content-Encoding: deflate') },
  'deflate without a head': {
    request: (secret) => post(json, deflateRawSync(password(secret)), 'Content-Encoding: deflate'),
  },
  'stacked codings': {
    request: (secret) => post(json, twoCodings(password(secret)), 'Content-Encoding: gzip, br'),
  },
  'stacked codings in two headers': {
    request: (secret) =>
      post(json, twoCodings(password(secret)), 'Content-Encoding: gzip', 'Content-Encoding: br'),
  },
  'unknown coding': { request: (secret) => post(json, password(secret), 'Content-Encoding: zstd') },
  'coding that was not applied': {
    request: (secret) => post(json, password(secret), 'Content-Encoding: gzip'),
  },
  'gzip of text, not said': { find: 'email', request: ({ email }) => post('text/plain', gzipSync(email)) },
  'brotli of text, not said': {
    find: 'email',
    request: ({ email }) => post('text/plain', brotliCompressSync(email)),
  },
  'deflate of text, not said': {
    find: 'email',
    request: ({ email }) => post('text/plain', deflateRawSync(email)),
  },

  // Bodies that are not whole.
  'body over the limit': {
    request: ({ word }) => post(json, `{"a":"${'x'.repeat(70_000)}","password":"${word}"}`),
    neverSeen: true,
  },
  'secret before the limit': {
    request: ({ word }) => chunked(json, [`{"password":"${word}","a":"`, 'x'.repeat(70_000), '"}']),
    neverSeen: true,
  },
  'client goes away within the body': {
    breaksOff: true,
    request: (secret) =>
      post('text/plain', `${secret.email} ${password(secret)}`, 'X-More: 1').subarray(0, -1),
    find: 'email',
  },
  'client goes away within JSON': {
    breaksOff: true,
    request: (secret) => post(json, `${password(secret)}   `).subarray(0, -1),
  },
  'server breaks off within the body': {
    respond: (res, { email }) => {
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '999' });
      res.write(email, () => res.destroy());
    },
    find: 'email',
  },

  // Notes of the application.
  'mark by name': { mark: ({ word }) => ['session token', word] },
  'mark by look': { find: 'email', mark: ({ email }) => ['note', `for ${email}`] },
  'name of a mark': { find: 'email', mark: ({ email }) => [`of ${email}`, '1'] },
  'operation by a rule for paths': { mark: ({ word }) => ['operation', `/people/${word}`] },

  // Responses.
  'reason phrase': {
    find: 'email',
    respond: (res, { email }) => res.writeHead(200, `Hello ${email}`).end(),
  },
  'early hints': {
    respond: (res, { word }) => {
      res.writeEarlyHints({ link: `</a?token=${word}>; rel=preload`, 'x-why': word });
      res.end();
    },
  },
  'Set-Cookie': { respond: answerHeader('Set-Cookie', ({ word }) => `a=${word}; Path=/; X=${word}`) },
  'Set-Cookie, malformed': { respond: answerHeader('Set-Cookie', ({ word }) => word) },
  'Set-Cookie path': {
    find: 'email',
    respond: answerHeader('Set-Cookie', ({ email }) => `a=1; Path=/${email}`),
  },
  'Set-Cookie date': { respond: answerHeader('Set-Cookie', ({ word }) => `a=1; Expires=${word}!`) },
  Location: { respond: answerHeader('Location', ({ word }) => `/cb?code=${word}${word}#id_token=${word}`) },
  'Location, user information': { respond: answerHeader('Location', ({ word }) => `//u:${word}@x.test/`) },
  Link: { respond: answerHeader('Link', ({ word }) => `</?token=${word}>; rel="next"`) },
  Refresh: { respond: answerHeader('Refresh', ({ word }) => `5; url=/?token=${word}`) },
  ETag: { respond: answerHeader('ETag', ({ word }) => `W/"${word}"`) },
  'WWW-Authenticate': { respond: answerHeader('WWW-Authenticate', ({ word }) => `Digest nonce="${word}"`) },
  'response header, unknown': { respond: answerHeader('X-Debug', ({ word }) => word) },
  'Server-Timing': {
    find: 'email',
    respond: answerHeader('Server-Timing', ({ email }) => `db;desc="${email}"`),
  },
  'response trailer': {
    respond: (res, { word }) => {
      res.writeHead(200, { Trailer: 'X-Sum', 'Content-Type': 'text/plain' });
      res.write('a');
      res.addTrailers({ 'X-Sum': word });
      res.end();
    },
  },
  'JSON response': { respond: answer(json, password) },
  'JSON response, gzip': { respond: answer(json, (secret) => gzipSync(password(secret)), 'gzip') },
  'JSON response by hex': {
    respond: (res, secret) => {
      res.setHeader('Content-Type', json);
      res.write(Buffer.from(password(secret)).toString('hex'), 'hex');
      res.end();
    },
  },
  'GraphQL errors': {
    find: 'email',
    respond: answer(json, ({ email }) => `{"errors":[{"message":"no ${email}"}]}`),
  },
  'HTML response': { respond: answer('text/html', ({ word }) => `<input name=password value=${word}>`) },
  'text response, form': { respond: answer('text/plain', ({ word }) => `access_token=${word}&x=1`) },
  'event stream data': { respond: answer('text/event-stream', (s) => `data: ${password(s)}\n\n`) },
  'event stream data over lines': {
    respond: answer(
      'text/event-stream',
      ({ word }) => `data: {"a":1,\ndata: "password":\ndata: "${word}"}\n\n`,
    ),
  },
  'event stream data, cut': {
    respond: answer('text/event-stream', (s) => `data: ${password(s).slice(0, -1)}`),
  },
  'event stream, JSON within a text': {
    respond: answer('text/event-stream', (s) => `data: got ${password(s)}\n\n`),
  },
  'event stream id': {
    find: 'email',
    respond: answer('text/event-stream', ({ email }) => `id: ${email}\n\n`),
  },
  'event stream comment': {
    find: 'email',
    respond: answer('text/event-stream', ({ email }) => `: ${email}\n\n`),
  },
  'event stream field of its own': {
    respond: answer('text/event-stream', ({ word }) => `password: ${word}\n\n`),
  },
  'event stream, carriage returns': {
    respond: answer('text/event-stream', (s) => `data: ${password(s)}\r\r`),
  },
  'event stream, gzip': {
    respond: answer('text/event-stream', (s) => gzipSync(`data: ${password(s)}\n\n`), 'gzip'),
  },
};

/** A gzip member with this name of a file in its head. */
function withFileName(member: Buffer, name: string): Buffer {
  const head = Buffer.from(member.subarray(0, 10));
  head[3] = 8;
  return Buffer.concat([head, Buffer.from(`${name}\0`), member.subarray(10)]);
}
