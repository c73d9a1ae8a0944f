import { expect, test } from 'vitest';
import { Detectors } from '../../../src/mask/detect/detectors.ts';
import { detectorIds } from '../../../src/mask/policy/detector-ids.ts';
import { tokenRule } from '../../../src/mask/policy/mask-rule.ts';
import { aTextMasker } from '../support.ts';

const rules = detectorIds.map((id) => tokenRule(`default/detect/${id}`, 'value'));
const detectors = new Detectors();

/** What is found, as detector and text. */
function found(text: string): string[] {
  const bytes = Buffer.from(text);
  const count = detectors.scan(bytes, 0, bytes.length, rules);
  return Array.from({ length: count }, (_, i) => {
    const [start, end] = [detectors.starts[i] ?? 0, detectors.ends[i] ?? 0];
    return `${detectorIds[detectors.kinds[i] ?? 0]}: ${bytes.toString('utf8', start, end)}`;
  });
}

// Secrets are put together at run time: written out, they would stop a push.
const join = (...parts: string[]) => parts.join('');
const hex32 = '0123456789abcdef'.repeat(2);
const long = 'aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5';

test('finds email addresses, with what is around them left out', () => {
  expect(found('write to bob.o-brien+x@mail.example.co.uk, or <eve@x.io>.')).toEqual([
    'email: bob.o-brien+x@mail.example.co.uk',
    'email: eve@x.io',
  ]);
  expect(found("'bob@example.com'")).toEqual(['email: bob@example.com']);
  expect(found('to=bob@example.com')).toEqual(['email: bob@example.com']);
  expect(found('jörg@müller.de')).toEqual(['email: jörg@müller.de']);
  expect(found('pkg@1.2.3 a@b @x.com a@.com bob@localhost')).toEqual([]);
});

test('finds card numbers by issuer and checksum', () => {
  for (const card of [
    '4242424242424242',
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '3782 822463 10005',
    '5555555555554444',
    '2223003122003222',
    '6011111111111117',
    '30569309025904',
    '4222222222222',
  ]) {
    expect(found(`card ${card}!`)).toEqual([`card: ${card}`]);
  }
  for (const number of [
    '4242424242424241',
    '1234567812345670',
    '0.4242424242424242',
    '42424242424242424242424',
    '4242424242424242.5',
    '1746000000000',
  ]) {
    expect(found(`number ${number}!`)).toEqual([]);
  }
  expect(found('id 1234 4242 4242 4242 4242')).toEqual(['card: 4242 4242 4242 4242']);
});

test('finds IBANs by country, length and checksum', () => {
  expect(found('pay DE89370400440532013000 now')).toEqual(['iban: DE89370400440532013000']);
  expect(found('GB82 WEST 1234 5698 7654 32')).toEqual(['iban: GB82 WEST 1234 5698 7654 32']);
  expect(
    found('DE88370400440532013000 XX89370400440532013000 DE8937040044053201300 ADE89370400440532013000'),
  ).toEqual([]);
});

test('finds phone numbers with a country code only', () => {
  expect(found('+14155552671')).toEqual(['phone: +14155552671']);
  expect(found('call +1 (415) 555-2671.')).toEqual(['phone: +1 (415) 555-2671']);
  expect(found('+14155552671 51234-9')).toEqual(['phone: +14155552671']);
  expect(found('+1 415 555 2671 5th')).toEqual(['phone: +1 415 555 2671']);
  expect(found('(415) 555-2671 1+14155552671 +0123456789 +1234567, 2026-05-01T00:00:00+0200')).toEqual([]);
});

test('finds social security numbers with dashes that can have been given out', () => {
  expect(found('ssn 219-09-9999')).toEqual(['ssn: 219-09-9999']);
  expect(found('000-12-3456 666-12-3456 900-12-3456 219-09-99999 1219-09-9999 219099999')).toEqual([]);
});

test('finds JSON web tokens, signed and encrypted', () => {
  const jwt = join('eyJhbGciOiJIUzI1NiJ9', '.', 'eyJzdWIiOiIxMjM0In0', '.', 'c2lnbmF0dXJl');
  expect(found(`at ${jwt} end`)).toEqual([`jwt: ${jwt}`]);
  expect(found(`${jwt}.${'x'.repeat(9)}.abc`)).toEqual([`jwt: ${jwt}.${'x'.repeat(9)}.abc`]);
  expect(found('eyebrow.eyelash.x ey.ey.ey')).toEqual([]);
});

test('finds bearer and basic credentials in text', () => {
  expect(found('header: Bearer abcdefghijklmn12')).toEqual(['bearer: abcdefghijklmn12']);
  expect(found('basic dXNlcjpwYXNzd29yZDE=')).toEqual(['bearer: dXNlcjpwYXNzd29yZDE=']);
  expect(found('basic characteristics, bearer of good news')).toEqual([]);
});

test('finds credentials by how they begin', () => {
  const keys = [
    join('AK', 'IAIOSFODNN7EXAMPLE'),
    join('gh', 'p_', long),
    join('github', '_pat_', long),
    join('gl', 'pat-', long),
    join('xo', 'xb-', '123456789012-', long),
    join('sk', '_live_', long),
    join('rk', '_test_', long),
    join('sk', '-ant-', 'api03-', long),
    join('sk', '-proj-', long),
    join('AI', 'za', long.slice(0, 35)),
    join('ya', '29.', long),
    join('GOC', 'SPX-', long),
    join('SG', '.', long.slice(0, 22), '.', long, long),
    join('np', 'm_', long),
    join('py', 'pi-AgE', long, long),
    join('sh', 'pat_', hex32),
    join('do', 'p_v1_', hex32, hex32),
    join('hv', 's.', long),
    join('da', 'pi', hex32),
    join('h', 'f_', 'abcdefghijklmnopqrstuvwxyzabcdefgh'),
    join('gl', 'sa_', long),
    join('lin', '_api_', long),
    join('PM', 'AK-', long),
    join('wh', 'sec_', long),
    join('S', 'K', hex32),
    join('AT', 'ATT3', long),
    join('AS', 'IAIOSFODNN7EXAMPLE'),
    join('AB', 'IAIOSFODNN7EXAMPLE'),
    join('AC', 'CAIOSFODNN7EXAMPLE'),
    ...['o', 'u', 's', 'r'].map((kind) => join('gh', kind, '_', long)),
    ...['a', 'p', 'r', 's', 'e'].map((kind) => join('xo', 'x', kind, '-', long)),
    join('xap', 'p-', '1-A0', long),
    join('sk', '_prod_', long),
    join('rk', '_live_', long),
    join('sk', '-svcacct-', long),
    join('sk', '-admin-', long),
    join('hv', 'b.', long),
    join('gl', 'c_', long),
    join('nt', 'n_', long),
    join('sntr', 'ys_', long),
    join('sntr', 'yu_', long),
    join('fo', '1_', long, long),
    join('fm', '2_', long, long),
    join('sh', 'pss_', hex32),
    join('do', 'o_v1_', hex32, hex32),
    join('dckr', '_pat_', long),
    join('pscale', '_tkn_', long),
    join('AGE-SECRET', '-KEY-1', 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE'),
  ];
  for (const secret of keys) expect(found(`key ${secret},`)).toEqual([`api-key: ${secret}`]);
  expect(
    found('AKIASHORT skeleton sk-short npm_config xoxb- SKU12345 _ghp_x AKIAIOSFODNN7EXAMPLEX9'),
  ).toEqual([]);
});

test('finds private keys to their end, or to the end of the text when it is cut', () => {
  const pem = join('-----BEGIN RSA PRIV', 'ATE KEY-----\nMIIE\n-----END RSA PRIV', 'ATE KEY-----');
  expect(found(`x ${pem} y`)).toEqual([`private-key: ${pem}`]);
  expect(found(`x ${pem.slice(0, 45)}`)).toEqual([`private-key: ${pem.slice(0, 45)}`]);
  expect(found('-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----')).toEqual([]);
});

test('finds credentials in URLs and in assignments', () => {
  expect(found('postgres://app:s3cret@db:5432/x')).toEqual(['url-userinfo: app:s3cret']);
  expect(found('https://shop.test/a@b')).toEqual([]);
  expect(found('Server=db;Uid=app;Pwd=s3cret;Port=1')).toEqual(['assignment: s3cret']);
  expect(found('GET /x?page=2&access_token=abc&next=1')).toEqual(['assignment: abc']);
  expect(found('AccountKey="a b"; user[password]=x')).toEqual(['assignment: x']);
  expect(found('page=2 monkey=3 maxTokens=5 password= password')).toEqual([]);
});

test('finds nothing in tokens, ids, dates, versions and prose', () => {
  const { tokens } = aTextMasker();
  const texts = [
    ...['email', 'card', 'secret', 'phone'].map((type) => tokens.token(type, 'x')),
    `Authorization: Bearer ${tokens.token('secret', 'x')} password=${tokens.token('secret', 'y')}`,
    '3f2504e0-4f89-41d3-9a0c-0305e82c3301 2026-05-01T12:34:56.789Z 9007199254740993',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/93.1.6.4 Safari/537.36',
    'The quick brown fox = jumps; over: the {lazy} dog, 12 times & more?',
  ];
  for (const text of texts) expect(found(text)).toEqual([]);
});

test('takes time in proportion to the length, on the worst beginnings of each detector', () => {
  const worst = [
    'a@a',
    '@a.b1',
    'a@1.',
    '4242 ',
    '424242424242424',
    'DE12 ',
    '.eyJhbGciOi.eyJ',
    '-eyJ',
    'Bearer ',
    ' sk-ant-',
    '-----BEGIN ',
    '-----BEGIN RSA PRIVATE KEY-----',
    '://a',
    '://a:',
    'password=',
    'a1=',
    'a=',
    '123-45-',
    '+1 2',
    '1.1.1.1.',
    'ghp_a',
    'x@x.',
    '+',
    '=',
    ':',
  ];
  // Time of the processor, not of the clock: others may be busy on it.
  const timeOf = (piece: string, length: number): number => {
    const bytes = Buffer.from(piece.repeat(Math.ceil(length / piece.length)).slice(0, length));
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const start = process.cpuUsage();
      detectors.scan(bytes, 0, bytes.length, rules);
      const { user, system } = process.cpuUsage(start);
      least = Math.min(least, user + system);
    }
    return least;
  };
  for (const piece of worst) {
    // Sixteen times as long takes 256 times as long where the time goes by the square.
    let ratio = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 10 && ratio >= 80; attempt++) {
      ratio = Math.min(ratio, timeOf(piece, 64_000) / Math.max(timeOf(piece, 4000), 10));
    }
    expect(ratio, piece).toBeLessThan(80);
  }
}, 120_000);

test.each([
  ['{"password":"abc"}', '{"password":"<abc>"}'],
  ['got {"a":1, "api_key" : "x\\"y"} here', 'got {"a":1, "api_key" : "<x\\"y>"} here'],
  ['log: {\\"secret\\":\\"a\\\\\\"b\\",\\"c\\":1}', 'log: {\\"secret\\":\\"<a\\\\\\"b>\\",\\"c\\":1}'],
  ["cb({'token':'abc'})", "cb({'token':'<abc>'})"],
  ['at "pin": 1234, ok', 'at "pin": <1234>, ok'],
  ['"tokens":["a",["b"]],"c"', '"tokens":<["a",["b"]]>,"c"'],
  ['cut "password":"abc', 'cut "password":"<abc>'],
  [
    '"passwordRequired":true,"name":"x","password":null',
    '"passwordRequired":true,"name":"x","password":null',
  ],
])('finds the value beside the name of a secret in JSON within a text: %s', (text, expected) => {
  const detectors = new Detectors();
  const bytes = Buffer.from(text);
  const rules = detectorIds.map((id) => tokenRule(id, 'x'));
  let shown = '';
  let from = 0;
  for (let i = 0; i < detectors.scan(bytes, 0, bytes.length, rules); i++) {
    const [start = 0, end = 0] = [detectors.starts[i], detectors.ends[i]];
    shown += `${text.slice(from, start)}<${text.slice(start, end)}>`;
    from = end;
  }
  expect(shown + text.slice(from)).toBe(expected);
});
