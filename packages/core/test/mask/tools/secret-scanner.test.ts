import { expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import { maskExchange } from '../../../src/mask/mask-exchange.ts';
import { SecretScanner } from '../../../src/mask/tools/secret-scanner.ts';
import { aCaptureHeader, aChunk, anExchange } from '../../../src/testing/factories.ts';
import { schemaOf } from '../../protobuf/support.ts';

const email = ['ada', 'example.com'].join('@');
const json = ['Content-Type', 'application/json'];

function withBody(text: string, headers: readonly string[] = json) {
  const chunk = aChunk(text);
  return anExchange({ response: { headers, chunks: [chunk], size: chunk.size } });
}

const bodyFindings = (text: string, headers?: readonly string[]) =>
  new SecretScanner()
    .exchange(withBody(text, headers), false)
    .findings.map(({ rule, where }) => `${where} ${rule}`);

test('values are found where they stand, in whatever stands around them', () => {
  expect(bodyFindings(`{"a":[{"mail me":"to ${email}"}],"secret":{"x":"1","y":[22222]}}`)).toEqual([
    "$.a[*]['mail me'] default/detect/email",
    '$.secret.x default/key/secret',
    '$.secret.y[*] default/key/secret',
  ]);
  expect(bodyFindings(`{"in":${JSON.stringify(JSON.stringify({ password: 'abc' }))}}`)).toEqual([
    '$.in.password default/key/secret',
  ]);
  expect(
    bodyFindings(`data: {"password":"abc"}\n\ndata: x\n\n`, ['content-type', 'text/event-stream']),
  ).toEqual(['$.password default/key/secret']);
  expect(bodyFindings(`hello ${email}`, ['content-type', 'text/plain'])).toEqual([' default/detect/email']);
});

test('a name that looks like a value is not told', () => {
  const [finding] = new SecretScanner().exchange(withBody(`{"users":{"${email}":1}}`), false).findings;
  expect(finding?.rule).toBe('default/detect/email');
  expect(finding?.where).toMatch(/^\$\.users\.mk_email_[\w-]{16} \(name\)$/);
});

test('of bodies that no policy reads, detectors look at the bytes', () => {
  const scanned = new SecretScanner().exchange(
    withBody(`<p>${email}</p>`, ['content-type', 'text/html']),
    false,
  );
  expect(scanned).toEqual({
    findings: [{ rule: 'default/detect/email', part: 'body', side: 'response', where: '' }],
    unread: 1,
  });
  expect(bodyFindings(`{"mail":"${email}"`)).toContain(' default/detect/email');
});

test('a file within a body of parts is looked at as well', () => {
  const lines = [
    '--b',
    'Content-Disposition: form-data; name="doc"; filename="a.html"',
    'Content-Type: text/html',
  ];
  const body = [...lines, '', `<p>${email}</p>`, '--b--', ''].join('\r\n');
  const type = ['content-type', 'multipart/form-data; boundary=b'];
  expect(bodyFindings(body, type)).toContain(' default/detect/email');
  const masked = maskExchange(createMasker(), withBody(body, type));
  expect(new SecretScanner().exchange(masked, true).findings).toEqual([]);
});

test('each text of a sequence of JSON is one', () => {
  const type = ['content-type', 'application/json-seq'];
  expect(bodyFindings('\u001e{"password":"abc"}\n\u001e{"a":1}\n', type)).toEqual([
    '$.password default/key/secret',
  ]);
});

test('what masks leave is no finding', () => {
  for (const mask of ['token', 'redact', 'remove', { do: 'partial', last: 4 }] as const) {
    const masker = createMasker({
      version: 1,
      rules: [{ id: 'all', at: ['key:email', 'key:password', 'query:*', 'header:x-*'], mask }],
    });
    const chunk = aChunk(`{"email":"${email}","password":"abcdefghijklmno"}`);
    const exchange = anExchange({
      request: { target: `/a?email=${email}`, headers: ['X-Mail', email, 'Cookie', 'sid=0123456789abcdef'] },
      response: { headers: json, chunks: [chunk], size: chunk.size },
    });
    const masked = maskExchange(masker, exchange);
    expect(new SecretScanner().exchange(exchange, false).findings.length).toBeGreaterThan(3);
    expect(new SecretScanner().exchange(masked, true).findings, JSON.stringify(mask)).toEqual([]);
  }
});

test('a masked number is told from a number by the audit alone', () => {
  const exchange = withBody('{"pin":471182,"zip":91125}');
  const masked = maskExchange(createMasker(), exchange);
  const scanner = new SecretScanner();
  expect(scanner.exchange(masked, true).findings).toEqual([]);
  expect(scanner.exchange(masked, false).findings).toHaveLength(2);
  expect(scanner.exchange(exchange, true).findings).toHaveLength(2);
});

test('marks, tags, audits and controls are looked at', () => {
  const scanner = new SecretScanner();
  const marked = anExchange({
    marks: [{ name: 'api-key', value: 'abcdefgh' }],
    unknownHeaders: [`x-${email}`],
  });
  expect(scanner.exchange(marked, true).findings).toEqual([
    { rule: 'default/key/secret', part: 'mark', side: 'request', where: 'api-key' },
    { rule: 'default/detect/email', part: 'capture', side: 'request', where: 'audit' },
  ]);
  const tagged = scanner.header(aCaptureHeader({ host: '10.1.2.3', tags: { owner: email, team: 'shop' } }));
  expect(tagged.map(({ where, rule }) => [where, rule])).toEqual([['owner', 'default/detect/email']]);
  const control = { type: 'control', seq: 1, at: 1, name: 'filter', value: email } as const;
  expect(scanner.control(control)).toHaveLength(1);
});

test('a web token that kept its shape alone is no finding', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'HS256' })}.${part({ sub: 'bob', exp: 1_800_000_000 })}.c2lnbmF0dXJl`;
  const exchange = withBody(JSON.stringify({ token }), [...json, 'Authorization', `Bearer ${token}`]);
  const masked = maskExchange(createMasker({ version: 1, jwt: 'shape' }), exchange);
  expect(new SecretScanner().exchange(exchange, false).findings).toHaveLength(2);
  expect(new SecretScanner().exchange(masked, true).findings).toEqual([]);
});

const { root, schema } = schemaOf(`
  syntax = "proto3";
  package t;
  message M { string email = 1; bytes blob = 2; repeated M inner = 3; string text = 4; fixed64 card = 5; }
  service S { rpc Do(M) returns (M); }`);

/** A call whose one message of the request this is. */
function aCall(data: Uint8Array) {
  const messages = [{ seq: 1, at: 0, kind: 0, size: data.length, state: 'kept', data }] as const;
  return anExchange({
    protocol: 'grpc',
    request: { target: '/t.S/Do', method: 'POST', messages, size: data.length },
  });
}

test('messages of calls are looked at field by field, where their schema is known', () => {
  const type = root.lookupType('t.M');
  const data = type
    .encode({
      inner: [{ email }, { text: `to bob.${email}` }],
      blob: Buffer.from(`\0\x01 ${email} \xff`, 'latin1'),
      card: Number(`4242${'4242'.repeat(3)}`),
    })
    .finish();
  const scanner = new SecretScanner();
  expect(scanner.exchange(aCall(data), false).unread).toBe(1);
  scanner.describe(schema);
  const { findings, unread } = scanner.exchange(aCall(data), false);
  expect(unread).toBe(0);
  expect(findings.map(({ rule, where }) => `${where} ${rule}`).sort()).toEqual([
    'message 0 $.blob default/detect/email',
    'message 0 $.card default/detect/card',
    'message 0 $.inner[*].email default/key/contact',
    'message 0 $.inner[*].text default/detect/email',
  ]);
});

test('bytes that nobody knows, and that no detector finds anything in, are no findings', () => {
  const data = root
    .lookupType('t.M')
    .encode({ blob: Buffer.from([0, 1, 2, 0xff]) })
    .finish();
  const scanner = new SecretScanner();
  scanner.describe(schema);
  expect(scanner.exchange(aCall(data), false)).toEqual({ findings: [], unread: 0 });
});
