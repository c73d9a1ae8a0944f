import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readMultipart } from '../../../src/mask/body/multipart.ts';
import { maskedBoundary } from '../../../src/mask/head/multipart-boundary.ts';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { processorMs } from '../linear.ts';
import { maskMessage, sameForEveryCut } from '../support.ts';

const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
const type = `multipart/form-data; boundary=${boundary}`;

interface GivenPart {
  readonly headers: readonly string[];
  readonly content: string;
}

function field(name: string, content: string, ...more: string[]): GivenPart {
  return { headers: [`Content-Disposition: form-data; name="${name}"`, ...more], content };
}

function file(name: string, fileType: string, content: string, ...more: string[]): GivenPart {
  const disposition = `Content-Disposition: form-data; name="${name}"; filename="Bob Smith.${fileType.slice(-3)}"`;
  return { headers: [disposition, `Content-Type: ${fileType}`, ...more], content };
}

function multipart(parts: readonly GivenPart[], mark = boundary): string {
  const all = parts.map(
    ({ headers, content }) => `--${mark}\r\n${[...headers, '', content].join('\r\n')}\r\n`,
  );
  return `${all.join('')}--${mark}--\r\n`;
}

/** The parts of a masked body: their headers as one text, and their contents. */
function partsOf(body: string, depth = 0): { head: string; content: string }[] {
  const bytes = Buffer.from(body);
  const read = readMultipart(bytes, 0, bytes.length, maskedBoundary(depth));
  return (read?.parts ?? []).map(({ headers, contentStart, contentEnd }) => ({
    head: headers.map(({ name, value }) => `${name}: ${value}`).join('\n'),
    content: bytes.toString('utf8', contentStart, contentEnd),
  }));
}

function mask(parts: readonly GivenPart[], policy: Partial<Policy> = {}) {
  const { request, rules } = maskMessage({ type, body: multipart(parts) }, policy);
  return { state: request.state, body: request.body, parts: partsOf(request.body), rules };
}

test('takes names of parts for keys, and masks contents as values of a form', () => {
  const { parts, state } = mask([
    field('password', 'hunter2'),
    field('user[email]', 'Bob@Example.com'),
    field('note', 'call +14155552671'),
    field('pass%77ord', 'hunter2'),
    field('data', '{"pin":"1234","a":1.0}', 'Content-Type: application/json'),
    field('plain', 'héllo'),
  ]);
  expect(state).toBe('masked');
  expect(parts.map(({ content }) => content)).toEqual([
    expect.stringMatching(/^mk_secret_.{16}$/),
    expect.stringMatching(/^mk_email_.{16}$/),
    expect.stringMatching(/^call mk_phone_.{16}$/),
    parts[0]?.content,
    expect.stringMatching(/^\{"pin":"mk_secret_.{16}","a":1\.0\}$/),
    'héllo',
  ]);
});

test('is the same wherever the body is cut into chunks', () => {
  const nested = multipart([{ headers: [], content: 'to bob@example.com' }], 'in');
  const body = sameForEveryCut({
    type: 'multipart/mixed; boundary=x',
    body: `before${'\r\n'}${multipart(
      [
        { headers: ['Content-Type: text/plain', 'X-Trace: abc'], content: 'card 4242 4242 4242 4242' },
        { headers: ['Content-Type: multipart/mixed; boundary=in'], content: nested },
      ],
      'x',
    )}after`,
  });
  expect(body).not.toMatch(/before|after|4242|bob@|abc/);
});

test('names the boundary of the masked body in the header', () => {
  const { request } = maskMessage({ type, body: multipart([field('a', 'b')]) });
  expect(request.headers).toEqual(['Content-Type', `multipart/form-data; boundary=${maskedBoundary(0)}`]);
  expect(request.body.startsWith(`--${maskedBoundary(0)}\r\n`)).toBe(true);
});

test('reads tables and lines of JSON in parts as such bodies', () => {
  const { parts } = mask([
    file('t', 'text/csv', 'pin,b\n1234,é\n'),
    file('l', 'application/x-ndjson', '{"pin":"1"}\n{"a":1}\n'),
    { headers: ['Content-Disposition: form-data; name="b"; filename="b.bin"'], content: '\u0000é' },
  ]);
  expect(parts[0]?.content).toMatch(/^pin,b\nmk_secret_.{16},é\n$/);
  expect(parts[1]?.content).toMatch(/^\{"pin":"mk_secret_.{16}"\}\n\{"a":1\}\n$/);
});

test('makes tokens of file names and keeps their ending', () => {
  for (const parameter of [
    'filename="Bob Smith.pdf"',
    "filename*=UTF-8''Bob%20Smith.pdf",
    'filename="Bob Smith.pdf"; filename*=utf-8\'en\'Bob%20Smith.pdf',
    'filename=Bob.pdf',
    'filename="Bob \\"Smith.pdf"',
    'filename="Bob.pdf"; path="/home/bob"; size=12',
  ]) {
    const { parts } = mask([
      { headers: [`Content-Disposition: form-data; name="f"; ${parameter}`], content: '{}' },
    ]);
    expect(parts[0]?.head).toMatch(/filename\*?="?(?:UTF-8'')?mk_file-name_[\w-]{16}\.pdf/);
    expect(parts[0]?.head).not.toMatch(/bob|smith/i);
  }
});

test('keeps the beginning of a part as it was when nothing in it is masked', () => {
  const body = multipart([field('a', '1'), field('b', 'x\r\n--no\r\n')], maskedBoundary(0));
  expect(
    maskMessage({ type: `multipart/form-data; boundary=${maskedBoundary(0)}`, body }).request,
  ).toMatchObject({ body, state: 'kept' });
});

test('leaves files out that it cannot read, and says how long they were', () => {
  const { parts, rules, state } = mask([
    file('photo', 'image/png', '\u0001PNG bob@example.com'),
    file('page', 'text/html', '<p>bob</p>'),
    file('list', 'application/json', '{"email":"bob@example.com"}'),
    file('broken', 'application/json', '{"email":"bob@example.com"'),
    file('text', 'text/plain', 'to bob@example.com'),
    { headers: ['Content-Disposition: form-data; name="f"; filename="x"'], content: 'bob' },
  ]);
  expect(state).toBe('masked');
  expect(parts.map(({ content }) => content)).toEqual([
    '[dropped 20 bytes]',
    '[dropped 10 bytes]',
    expect.stringMatching(/^\{"email":"mk_email_.{16}"\}$/),
    '[dropped 26 bytes]',
    expect.stringMatching(/^to mk_email_.{16}$/),
    '[dropped 3 bytes]',
  ]);
  expect(parts[0]?.head).toContain('Content-Type: image/png');
  expect(rules).toEqual(expect.arrayContaining(['dropped:content-type', 'dropped:json-syntax']));
});

test('masks headers of parts as headers, and leaves lengths and digests out', () => {
  const { parts } = mask([
    field('a', 'x', 'X-Tenant: acme', 'Authorization: Bearer abc', 'Content-Length: 1', 'Content-MD5: abc'),
    field('b', 'x', 'X-Note: one', '  two bob@example.com', 'Content-Type: text/plain; name="bob.txt"'),
  ]);
  expect(parts[0]?.head).toMatch(
    /^Content-Disposition: form-data; name="a"\nX-Tenant: mk_header_.{16}\nAuthorization: Bearer mk_secret_.{16}$/,
  );
  expect(parts[1]?.head).toMatch(/\nX-Note: mk_header_.{16}\nContent-Type: text\/plain$/);
});

test('opens transfer encodings and closes them again', () => {
  const { parts } = mask([
    field('a', Buffer.from('to bob@example.com').toString('base64'), 'Content-Transfer-Encoding: base64'),
    field('b', 'to bob=40example.=\r\ncom =C3=A9=3D', 'Content-Transfer-Encoding: quoted-printable'),
    field('c', 'eA==', 'Content-Transfer-Encoding: base64'),
    field('d', 'to bob@example.com', 'Content-Transfer-Encoding: x-uuencode'),
    field('e', 'eB==', 'Content-Transfer-Encoding: base64'),
    field('f', '=zz', 'Content-Transfer-Encoding: quoted-printable'),
  ]);
  expect(Buffer.from(parts[0]?.content ?? '', 'base64').toString()).toMatch(/^to mk_email_.{16}$/);
  expect(parts[1]?.content).toMatch(/^to mk_email_.{16} =C3=A9=3D$/);
  expect(parts.slice(2).map(({ content }) => content)).toEqual([
    'eA==',
    '[dropped 18 bytes]',
    '[dropped 4 bytes]',
    '[dropped 3 bytes]',
  ]);
});

test('masks what it masked before only once', () => {
  const parts = [
    field('password', 'hunter2'),
    file('photo', 'image/png', 'PNG'),
    {
      headers: ['Content-Disposition: form-data; name="m"', 'Content-Type: multipart/mixed; boundary=in'],
      content: multipart([{ headers: [], content: 'bob@example.com' }], 'in'),
    },
  ];
  const { body } = mask(parts);
  const again = maskMessage({ type: `multipart/form-data; boundary=${maskedBoundary(0)}`, body });
  expect(again.request).toMatchObject({ body, state: 'kept' });
});

test('drops a body that readers could take apart in more than one way', () => {
  const good = multipart([field('a', 'bob@example.com')]);
  const cases: [body: string, givenType?: string][] = [
    ['bob@example.com'],
    [good.replaceAll('\r\n', '\n')],
    [good.slice(0, -6)],
    [good.replace('bob@', `--${boundary}more`)],
    [good.replace('bob@', `x\r\n--${boundary}more`)],
    [good.replace('bob@', `x\n--${boundary}\r\n`)],
    [good.replace('Content-Disposition:', 'Content-Disposition')],
    [good.replace('Content-Disposition:', 'Content Disposition:')],
    [good.replace('form-data;', 'form-data')],
    [good.replace('form-data;', 'attachment;')],
    [good.replace('name="a"', 'name="a')],
    [good.replace('name="a"', 'name="a"; name="password"')],
    [good.replace('name="a"', 'x="a"')],
    [good.replace('name="a"', "name*=utf-8''a")],
    [good.replace('name="a"', 'name="a"; filename*0="bob"')],
    [good.replace('name="a"', 'name="a"\r\nContent-Disposition: form-data; name="b"')],
    [good.replace('name="a"\r\n', 'name="a"\n')],
    [good.replace('\r\n\r\n', '\r\n')],
    [good.replace('bob@', `--${maskedBoundary(0)}\r\n`)],
    [good, 'multipart/form-data'],
    [good, 'multipart/form-data; boundary=other'],
    [good, `multipart/form-data; boundary=${boundary}; boundary=x`],
    [multipart(Array.from({ length: 2002 }, () => field('a', '1')))],
    [multipart([{ headers: Array.from({ length: 70 }, (_, i) => `X-${i}: 1`), content: '' }])],
    [multipart([field('a', '1', `X: ${'x'.repeat(20_000)}`)])],
  ];
  for (const [body, givenType = type] of cases) {
    const { request } = maskMessage({ type: givenType, body });
    if (request.state === 'dropped:multipart') continue;
    // What is kept all the same shows nothing.
    expect([body, request.state, request.body.includes('bob@')]).toEqual([body, 'masked', false]);
  }
  expect(maskMessage({ type, body: good.slice(0, -6) }).request.state).toBe('dropped:multipart');
  expect(maskMessage({ type, body: good.replaceAll('\r\n', '\n') }).request.state).toBe('dropped:multipart');
});

test('opens parts within parts, but not without end', () => {
  let body = multipart([field('password', 'hunter2')], 'b0');
  for (let i = 1; i < 6; i++) {
    body = multipart(
      [{ headers: [`Content-Type: multipart/form-data; boundary=b${i - 1}`], content: body }],
      `b${i}`,
    );
  }
  const { request } = maskMessage({ type: 'multipart/mixed; boundary=b5', body });
  expect(request.body).not.toContain('hunter2');
  expect(request.body).toContain('[dropped ');
  const shallow = maskMessage({
    type: 'multipart/mixed; boundary=x',
    body: multipart(
      [
        {
          headers: ['Content-Type: multipart/form-data; boundary=y'],
          content: multipart([field('password', 'hunter2'), field('a', 'b')], 'y'),
        },
      ],
      'x',
    ),
  }).request;
  const [outer] = partsOf(shallow.body);
  expect(outer?.head).toContain(`boundary=${maskedBoundary(1)}`);
  expect(partsOf(outer?.content ?? '', 1).map(({ content }) => content)).toEqual([
    expect.stringMatching(/^mk_secret_/),
    'b',
  ]);
});

test('follows rules of a policy for parts by name', () => {
  const { parts } = mask(
    [field('a', 'one'), field('password', 'two'), file('photo', 'image/png', 'PNG'), field('c', 'x')],
    {
      rules: [
        { id: 'a', at: 'multipart:a', mask: 'redact' },
        { id: 'p', at: 'multipart:pass*', mask: 'keep' },
        { id: 'f', at: 'multipart:photo', mask: { do: 'keep', detectors: false } },
        { id: 'c', at: 'key:c', mask: 'remove' },
      ],
    },
  );
  expect(parts.map(({ content }) => content)).toEqual(['[REDACTED]', 'two', 'PNG']);
});

test('gives back every part of any form in which nothing is masked', () => {
  // Letters that no word of a sensitive name is made of.
  const name = fc.stringMatching(/^[qvxz]{1,4}$/);
  const content = fc.stringMatching(/^[a-z \r\n-]{0,30}$/);
  const mark = fc
    .stringMatching(/^[A-Za-z0-9'()+_,./:=?-]{1,40}$/)
    .filter((text) => !text.startsWith('gardenhose'));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, content), { minLength: 1, maxLength: 5 }), mark, (given, between) => {
      fc.pre(given.every(([, text]) => !text.includes(`--${between}`)));
      const body = multipart(
        given.map(([key, text]) => field(key, text)),
        between,
      );
      const { request } = maskMessage({ type: `multipart/form-data; boundary="${between}"`, body });
      expect(request.state).toBe('masked');
      expect(partsOf(request.body)).toEqual(
        given.map(([key, text]) => ({
          head: `Content-Disposition: form-data; name="${key}"`,
          content: text,
        })),
      );
    }),
    { numRuns: 100 },
  );
});

test('never throws and never shows a password, whatever a body is broken into', () => {
  const good = multipart([
    field('password', 'S3cretS3cret'),
    file('f', 'text/plain', 'x'),
    field('b', 'x', 'Content-Transfer-Encoding: quoted-printable'),
  ]);
  const edit = fc.record({
    at: fc.nat(good.length),
    cut: fc.nat(8),
    text: fc.constantFrom('', '\r', '\n', '\r\n', '--', `--${boundary}`, '"', ';', ':', ' ', '\0'),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (changes) => {
      let body = good;
      for (const { at, cut, text } of changes) body = body.slice(0, at) + text + body.slice(at + cut);
      const { request } = maskMessage({ type, body });
      // An edit within the name makes it another name, and one within the value another value.
      if (!body.includes('name="password"\r\n\r\nS3cretS3cret')) return;
      expect(request.body).not.toContain('S3cretS3cret');
    }),
    { numRuns: 300 },
  );
});

test('takes time in proportion to the length of a body', () => {
  const size = 256 * 1024;
  const hostile = [
    `--${boundary}\r\n`.repeat(size / 45),
    `\r\n--${boundary}`.repeat(size / 45),
    `${`--${boundary.slice(0, -1)}`.repeat(size / 40)}`,
    multipart([field('a', ' '.repeat(size), 'Content-Transfer-Encoding: quoted-printable')]),
    multipart([field('a', '='.repeat(size), 'Content-Transfer-Encoding: quoted-printable')]),
    multipart([field('a', '\r\n'.repeat(size / 2), 'Content-Transfer-Encoding: base64')]),
    multipart([field('a', 'x', `X: ${';'.repeat(15_000)}`)]),
    multipart([{ headers: [`Content-Disposition: form-data; name="${'\\'.repeat(15_001)}"`], content: '' }]),
    multipart([{ headers: [`Content-Disposition: form-data${'; a=b'.repeat(3000)}`], content: '' }]),
    multipart([field('a', 'x', `Content-Type: text/plain${'; name='.repeat(2000)}`)]),
  ];
  for (const body of hostile) {
    expect(processorMs(() => maskMessage({ type, body }))).toBeLessThan(1000);
  }
});
