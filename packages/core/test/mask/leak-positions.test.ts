import { expect, test } from 'vitest';
import { type MaskedMessage, type Message, maskMessage } from './support.ts';

// Places where a secret can stand in HTTP, each with a value that must be gone. Names follow where the value stands.
const stem = 'zQx7kVw3J';
const email = `${stem}0001@example.com`;
const jwt = ['eyJhbGciOiJIUzI1NiJ9', `eyJzdWIiOiJ${stem}In0`, 'c2lnbmF0dXJl'].join('.');
const card = '4242424242424242';
const percent = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const json = 'application/json';
const form = 'application/x-www-form-urlencoded';
const header = (name: string, value: string): Message => ({ headers: [name, value] });
const base64 = (text: string) => Buffer.from(text).toString('base64');

const positions: Record<string, Message> = {
  'path segment': { target: `/users/${email}` },
  'path segment, percent-encoded': { target: `/users/${percent(email)}` },
  'path segment, encoded twice': { target: `/users/${percent(percent(email))}` },
  'matrix parameter': { target: `/a;sid=${stem};x=1` },
  'query value by name': { target: `/?token=${stem}` },
  'query value by look': { target: `/?q=${email}` },
  'query name': { target: `/?${percent(email)}=1` },
  'query name in brackets': { target: `/?user[0][password]=${stem}` },
  'query, second of two': { target: `/?token=&token=${stem}` },
  'query, plus as space': { target: `/?q=to+${email}+now` },
  'query, semicolon between': { target: `/?a=1;password=${stem}` },
  'query value with a semicolon': { target: `/?password=a;${stem}` },
  fragment: { target: `http://shop.test/#access_token=${stem}` },
  userinfo: { target: `http://${stem}:${stem}@shop.test/` },
  'userinfo without password': { target: `http://${stem}@shop.test/` },
  'JSON in a query': { target: `/?filter=${percent(`{"password":"${stem}"}`)}` },
  'base64 of JSON in a query': { target: `/?state=${base64(`{"password":"${stem}"}`)}` },
  'web token in a query': { target: `/?x=${jwt}` },
  'URL in a query': { target: `/?redirect_uri=${percent(`https://x.test/?token=${stem}`)}` },
  'invalid percent code': { target: `/?q=%ZZ${stem}` },
  'percent code of 16 bits': { target: `/?q=%u0041${stem}` },
  'invalid percent code in the path': { target: `/%ZZ${stem}` },
  'Basic credentials': header('Authorization', `Basic ${base64(`${stem}:x`)}`),
  'Bearer credentials': header('Authorization', `Bearer ${stem}`),
  'credentials of an unknown scheme': header('Authorization', `${stem} x`),
  'Digest credentials': header('Authorization', `Digest username="${stem}", response="${stem}"`),
  'AWS credentials': header('Authorization', `AWS4-HMAC-SHA256 Credential=${stem}/x, Signature=${stem}`),
  'header name in mixed case': header('aUTHORIZATION', stem),
  'repeated header': { headers: ['X-Api-Key', 'a', 'X-Api-Key', stem] },
  'header with line folding': header('X-Api-Key', `a\r\n ${stem}`),
  'custom header': header('X-Whatever', stem),
  'custom header by the words of its name': header('X-Shop-Access-Token', stem),
  'header name': header(`X-${card}`, '1'),
  cookie: header('Cookie', `theme=${stem}`),
  'cookie without a name': header('Cookie', stem),
  'cookie in quotes': header('Cookie', `a="${stem}"`),
  'cookie, malformed': header('Cookie', `a=1; ${stem}; b=2`),
  'cookie name': header('Cookie', `${email.replace('@', '%40')}=1; a@b=${stem}`),
  'cookie, encoded': header('Cookie', `a=${percent(stem)}`),
  'Set-Cookie value': { responseHeaders: ['Set-Cookie', `a=${stem}; Path=/`] },
  'Set-Cookie path': { responseHeaders: ['Set-Cookie', `a=1; Path=/${email}`] },
  'Set-Cookie domain': { responseHeaders: ['Set-Cookie', `a=1; Domain=${email}`] },
  'Set-Cookie, unknown attribute': { responseHeaders: ['Set-Cookie', `a=1; X=${stem}`] },
  'Set-Cookie, attribute that is none': { responseHeaders: ['Set-Cookie', `a=1; Expires=${stem}!`] },
  Referer: header('Referer', `https://x.test/?token=${stem}`),
  Location: { responseHeaders: ['Location', `/callback?code=${stem}${stem}&x=1#id_token=${stem}`] },
  Link: { responseHeaders: ['Link', `<https://x.test/?token=${stem}>; rel="next"`] },
  Refresh: { responseHeaders: ['Refresh', `5; url=https://x.test/?token=${stem}`] },
  Origin: header('Origin', `https://${stem}@x.test`),
  Forwarded: header('Forwarded', `for="[2001:db8::${'f00d'}]:99";by=10.9.8.7;host=x.test`),
  'X-Forwarded-For': header('X-Forwarded-For', '10.9.8.7, 2001:db8::f00d'),
  Via: header('Via', '1.1 10.9.8.7'),
  'User-Agent': header('User-Agent', `bot/1 (${email})`),
  From: header('From', `Zoe <${email}>`),
  'WebSocket subprotocol': header('Sec-WebSocket-Protocol', `graphql-ws, Token${stem}`),
  'Content-Disposition': {
    responseHeaders: [
      'Content-Disposition',
      `attachment; filename="${stem}.pdf"; filename*=UTF-8''${stem}.pdf`,
    ],
  },
  'WWW-Authenticate': { responseHeaders: ['WWW-Authenticate', `Digest realm="x", nonce="${stem}"`] },
  'Authentication-Info': { responseHeaders: ['Authentication-Info', `nextnonce="${stem}"`] },
  'Server-Timing': { responseHeaders: ['Server-Timing', `db;desc="${email}"`] },
  baggage: header('baggage', `user=${stem}`),
  tracestate: header('tracestate', `x=${email}`),
  ETag: { responseHeaders: ['ETag', `W/"${stem}"`] },
  'ETag without quotes': { responseHeaders: ['ETag', stem] },
  'If-None-Match': header('If-None-Match', `"a", "${stem}"`),
  'Content-MD5': header('Content-MD5', stem),
  Digest: { responseHeaders: ['Digest', `sha-256=${stem}`] },
  'content type parameter': header('Content-Type', `text/plain; x=${email}`),
  'reason phrase': { reason: `Hello ${email}` },
  'peer address': { peer: '10.9.8.7:5000' },
  'JSON by name': { type: json, body: `{"password":"${stem}"}` },
  'JSON, escaped name': { type: json, body: `{"p\\u0061ssword":"${stem}"}` },
  'JSON, escaped value': { type: json, body: `{"x":"${email.replace('@', '\\u0040')}"}` },
  'JSON name': { type: json, body: `{"${email}":1}` },
  'JSON number': { type: json, body: '{"cardNumber":4242424242424242}' },
  'JSON number by look': { type: json, body: '{"x":4242424242424242}' },
  'JSON, nested arrays': { type: json, body: `{"tokens":[["${stem}"]]}` },
  'JSON, repeated name': { type: json, body: `{"password":"a","password":"${stem}"}` },
  'JSON, too deep': { type: json, body: `${'['.repeat(150)}"${email}"${']'.repeat(150)}` },
  'JSON in JSON in JSON': {
    type: json,
    body: JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ password: stem }) }) }),
  },
  'web token in JSON': { type: json, body: JSON.stringify({ x: jwt }) },
  'base64 of JSON in JSON': { type: json, body: JSON.stringify({ x: base64(`{"password":"${stem}"}`) }) },
  'JSON, name and value': { type: json, body: `[{"name":"password","value":"${stem}"}]` },
  'JSON, value and name': { type: json, body: `[{"value":"${stem}","name":"password"}]` },
  'JSON lines': { type: 'application/x-ndjson', body: `{"a":1}\n{"password":"${stem}"}` },
  'JSON sequence': { type: 'application/json-seq', body: `\x1e{"password":"${stem}"}\n` },
  'JSON behind a byte order mark': { type: json, body: `\ufeff{"password":"${stem}"}` },
  'JSON in UTF-16': { type: json, body: Buffer.from(`{"password":"${stem}"}`, 'utf16le') },
  'JSON with something behind it': { type: json, body: `{"a":1} ${stem}` },
  'JSON, cut': { type: json, body: `{"password":"${stem}` },
  'JSON without a type': { body: `{"password":"${stem}"}` },
  'JSON of another type': { type: 'text/plain', body: `{"password":"${stem}"}` },
  'JSON with a function around it': { type: json, body: `callback({"password":"${stem}"})` },
  'JSON behind a guard': { type: json, body: `)]}'\n{"password":"${stem}"}` },
  'JSON, name of an object prototype': {
    type: json,
    body: `{"__proto__":{"password":"${stem}"},"constructor":{"password":"${stem}"}}`,
  },
  'JSON, invalid UTF-8': {
    type: json,
    body: Buffer.concat([Buffer.from(`{"a":"${stem}`), Buffer.from([0xff, 0x22, 0x7d])]),
  },
  'GraphQL literal': { type: json, body: JSON.stringify({ query: `{ user(name: "${stem}") { id } }` }) },
  'GraphQL variables': {
    type: json,
    body: JSON.stringify({ query: 'query($p: String) { x }', variables: { password: stem } }),
  },
  'GraphQL comment': { type: json, body: JSON.stringify({ query: `{ user { id } } # ${stem}` }) },
  'GraphQL block string': {
    type: json,
    body: JSON.stringify({ query: `mutation { x(a: """${stem}""") { id } }` }),
  },
  'GraphQL errors': { type: json, body: JSON.stringify({ errors: [{ message: `no ${email}` }] }) },
  'form value': { type: form, body: `a=1&password=${stem}` },
  'form value by look': { type: form, body: `a=${percent(email)}` },
  'form name': { type: form, body: `${percent(email)}=1` },
  'JSON in a form': { type: form, body: `a=${percent(`{"token":"${stem}"}`)}` },
  'form, invalid percent code': { type: form, body: `a=%ZZ${stem}` },
  multipart: {
    type: 'multipart/form-data; boundary=x',
    body: `--x\r\nContent-Disposition: form-data; name=password\r\n\r\n${stem}\r\n--x--`,
  },
  XML: { type: 'application/xml', body: `<a>${stem}</a>` },
  text: { type: 'text/plain', body: `mail ${email}, card ${card}` },
  'text, cut in a value': { type: 'text/plain', body: `mail ${email}, card ${card}`, cuts: [10] },
  'event stream data': { responseType: 'text/event-stream', response: `data: {"password":"${stem}"}\n\n` },
  'event stream id': { responseType: 'text/event-stream', response: `id: ${email}\n\n` },
  'event stream event': { responseType: 'text/event-stream', response: `event: ${email}\ndata:x\n\n` },
  'event stream comment': { responseType: 'text/event-stream', response: `: ${email}\n\n` },
  'unknown coding': { type: json, body: `{"password":"${stem}"}`, headers: ['Content-Encoding', 'zstd'] },
};
const needles = [stem, email, card, '10.9.8.7', 'f00d', 'nextnonce="z'];

/** An object with the bytes in it as characters. */
function asText(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    const isBuffer = typeof member === 'object' && member !== null && 'type' in member && 'data' in member;
    return isBuffer && Array.isArray(member.data) ? Buffer.from(member.data).toString('latin1') : member;
  });
}

/** Everything that would be written, in the spellings that a value can have in it. */
function written(masked: MaskedMessage): string {
  const parts = masked.events.map((event) => {
    const text = asText(event);
    return `${text}\n${text.replaceAll('\\\\', '\\')}`;
  });
  let all = parts.join('\n');
  for (let i = 0; i < 3; i++) {
    all += `\n${all.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))}`;
    all += `\n${all.replace(/\\u00([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))}`;
  }
  const coded = all.match(/[A-Za-z0-9+/_-]{12,}={0,2}/g) ?? [];
  return `${all}\n${coded.map((text) => Buffer.from(text, 'base64').toString('latin1')).join('\n')}`;
}

function leaks(message: Message, policy: { extends?: 'none' }): string[] {
  const all = written(policy.extends === 'none' ? maskMessageUnmasked(message) : maskMessage(message));
  return needles.filter((needle) => all.toLowerCase().includes(needle.toLowerCase()));
}

function maskMessageUnmasked(message: Message): MaskedMessage {
  const { limits: _, ...rest } = message;
  return maskMessage(rest, { extends: 'none' });
}

test.each(Object.entries(positions))('%s: the value is there unmasked and gone masked', (_, message) => {
  const plain = asText(message);
  // The control: without masking, the search finds it, or it stands there in two bytes a character.
  const control = leaks(message, { extends: 'none' }).length > 0 || /z\\u0000Q/.test(plain);
  expect(control).toBe(true);
  expect(leaks(message, {})).toEqual([]);
});

test('two runs with other secrets of the same look differ in nothing but their tokens', () => {
  const run = (secret: string) => {
    const message = JSON.parse(
      JSON.stringify({
        target: `/?token=${stem}`,
        headers: ['Cookie', `a=${stem}`, 'X-New', stem],
        type: json,
        body: `{"password":"${stem}","list":["${stem}@example.com"]}`,
      }).replaceAll(stem, secret),
    );
    const { events } = maskMessage(message);
    return asText(events).replace(/mk_([a-z-]+)_[\w-]{16}/g, 'mk_$1');
  };
  expect(run('aaaaaaaaa')).toBe(run('bbbbbbbbb'));
});
