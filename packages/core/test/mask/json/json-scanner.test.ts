import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectLinear } from '../linear.ts';
import { aTextMasker, maskJson } from '../support.ts';

test('leaves every byte of a document with nothing sensitive as it was', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 2), (document, indent) => {
      const spaced = JSON.stringify(JSON.parse(document), null, indent);
      // Names and values by chance: what a detector takes is not the matter here.
      fc.pre(!/@|\d{9}|[=:%?#;/]|"(?:\\n|\s)*[{[]/.test(spaced.replaceAll('":', '')));
      expect(maskJson(spaced)).toBe(spaced);
    }),
    { numRuns: 500 },
  );
});

test('takes a name for the values of its own object alone, however objects stand in each other', () => {
  type Member = readonly [name: string, value: unknown];
  const node = fc.letrec<{ object: readonly Member[]; any: unknown }>((tie) => ({
    object: fc.shuffledSubarray(['name', 'key', 'value', 'data', 'plain', 'list']).chain((names) =>
      fc.tuple(
        ...names.map((name) => {
          const isName = name === 'name' || name === 'key';
          const value = isName ? fc.constantFrom('password', 'colour', 7) : tie('any');
          return value.map((each): Member => [name, each]);
        }),
      ),
    ),
    any: fc.oneof(
      { maxDepth: 5, depthSize: 'medium' },
      fc.constant('leaf'),
      tie('object').map((members) => new Map(members as readonly Member[])),
      fc.array(tie('any'), { maxLength: 3 }),
    ),
  })).any;
  fc.assert(
    fc.property(node, (tree) => {
      let count = 0;
      const shown: string[] = [];
      const write = (value: unknown, hidden: boolean): string => {
        if (Array.isArray(value)) return `[${value.map((each) => write(each, hidden)).join()}]`;
        if (value instanceof Map) {
          const isSecret = value.get('name') === 'password' || value.get('key') === 'password';
          const members = [...value].map(([name, each]) => {
            const isValue = name === 'value' || name === 'data';
            return `"${name}":${write(each, hidden || (isValue && isSecret))}`;
          });
          return `{${members.join()}}`;
        }
        if (value !== 'leaf') return JSON.stringify(value);
        const leaf = `leaf${count++}x`;
        if (!hidden) shown.push(leaf);
        return `"${leaf}"`;
      };
      const masked = maskJson(write(tree, false));
      const found = [...masked.matchAll(/leaf\d+x/g)].map(([leaf]) => leaf);
      expect(found).toEqual(shown);
    }),
    { numRuns: 500 },
  );
});

test('masks what a walk over the parsed document would mask', () => {
  const { tokens } = aTextMasker();
  const leaf = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', 'é', '"', '\\', '\n', '{', '😀') }),
    fc.constantFrom(null, true, false),
  );
  const names = fc.constantFrom('password', 'plain', 'api_key', 'it"em', 'items', 'e');
  const document = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5, depthSize: 'medium' },
      leaf,
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(names, tie('node'), { maxKeys: 5 }),
    ),
  })).node;
  const walk = (value: unknown, secret: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, secret));
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).map(([name, member]) => [
        name,
        walk(member, secret || name === 'password' || name === 'api_key'),
      ]);
      return Object.fromEntries(entries);
    }
    return typeof value === 'string' && value !== '' && secret ? tokens.token('secret', value) : value;
  };
  fc.assert(
    fc.property(document, fc.constantFrom(undefined, 1), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      // Strings that look like documents are opened; that has tests of its own.
      fc.pre(!/"(?:\\n|\s)*[{[]/.test(text));
      expect(JSON.parse(maskJson(text))).toEqual(walk(value, false));
    }),
    { numRuns: 1500 },
  );
});

test('keeps numbers, spaces, escapes, order and repeated names byte for byte', () => {
  const document =
    '{ "big" : 9007199254740993, "f":1.0,"e":1e400, "z":-0,"2":1,"1":2,"a":"\\u00e9\\/","a":"é" }';
  expect(maskJson(document)).toBe(document);
  expect(maskJson(`{ "p" : 1.0 ,"password":"x" , "q":1.0 }`)).toMatch(
    /^\{ "p" : 1\.0 ,"password":"mk_secret_[\w-]{16}" , "q":1\.0 \}$/,
  );
});

test('reads names with escapes, in any case and with any separators', () => {
  for (const name of [
    'p\\u0061ssword',
    'PASSWORD',
    'user-password',
    'userPassword',
    'user.password',
    'ｐａｓｓｗｏｒｄ',
  ]) {
    expect(maskJson(`{"${name}":"hunter2"}`)).not.toContain('hunter2');
  }
});

test('masks every repeated name', () => {
  expect(maskJson('{"password":"one","password":"two"}')).not.toMatch(/one|two/);
});

test('masks all text and numbers below a sensitive name, and leaves booleans and null', () => {
  const masked = maskJson('{"credentials":{"a":"x1","b":["y2",12345],"ok":true,"no":null}}');
  expect(masked).toMatch(
    /^\{"credentials":\{"a":"mk_secret_[^"]+","b":\["mk_secret_[^"]+",\d{5}\],"ok":true,"no":null\}\}$/,
  );
  expect(masked).not.toContain('12345');
  expect(maskJson('{"passwordResetRequired":true,"password":null}')).toBe(
    '{"passwordResetRequired":true,"password":null}',
  );
});

test('gives numbers of the same length without a leading zero', () => {
  for (const [number, shape] of [
    ['1234', /^[1-9]\d{3}$/],
    ['-52.5200', /^-[1-9]\d\.\d{4}$/],
    ['7', /^\d$/],
    ['1e21', /^[1-9]\d{3}$/],
    ['0.5', /^\d\.\d$/],
  ] as const) {
    const masked = maskJson(`{"pin":${number}}`).slice(7, -1);
    expect(masked).toMatch(shape);
    expect(JSON.parse(masked)).toBeTypeOf('number');
  }
});

test('finds a name and its value in one object, in either order', () => {
  for (const pair of [
    '{"name":"password","value":"hunter2"}',
    '{"value":"hunter2","name":"password"}',
    '{"val":"hunter2","x":1,"Key":"api-key"}',
    '[{"text":"hunter2","x":{"y":"bob@example.com"},"field":"pass\\u0077ord"}]',
    '{"name":"password","id":"7","value":"hunter2"}',
    '{"label":"Password","value":"hunter2"}',
    '[{"op":"replace","path":"/user/password","value":"hunter2"}]',
    '{"attribute":"password","oldValue":"hunter2","newValue":"hunter2"}',
    '{"k":"password","v":"hunter2"}',
    '{"system":"phone","value":"hunter2"}',
    '{"id":"7","value":"hunter2","name":"password"}',
    '{"name":"password","header":"x","value":"hunter2"}',
    '{"value":"hunter2","text":"a hunter2","name":"password"}',
    '{"value":{"name":"a","value":"b"},"text":"hunter2","val":["hunter2"],"key":"x","field":"token"}',
    `{"name":"${'long '.repeat(20)}password","value":"hunter2"}`,
  ]) {
    expect(maskJson(pair)).not.toContain('hunter2');
    expect(() => JSON.parse(maskJson(pair))).not.toThrow();
  }
  expect(maskJson('{"value":{"a":["hunter2"]},"name":"password"}')).toBe(
    '{"value":"[REDACTED]","name":"password"}',
  );
  expect(maskJson('{"value":4711,"name":"pin"}')).toMatch(/^\{"value":[1-9]\d{3},"name":"pin"\}$/);
  expect(maskJson('{"value":"blue","name":"color"}')).toBe('{"value":"blue","name":"color"}');
});

test('a rule for some types of the values of a name is for those alone, whichever member comes first', () => {
  const pair = (value: string, valueFirst: boolean) =>
    valueFirst ? `{"value":${value},"name":"password"}` : `{"name":"password","value":${value}}`;
  for (const valueFirst of [true, false]) {
    const masked = (value: string, mask: 'keep' | 'redact', types: readonly ['number' | 'string']) =>
      JSON.parse(maskJson(pair(value, valueFirst), { rules: [{ id: 'r', at: 'key:password', mask, types }] }))
        .value;
    expect(masked('"hunter2"', 'keep', ['number'])).toMatch(/^mk_secret_/);
    expect(masked('4711', 'keep', ['number'])).toBe(4711);
    expect(masked('"hunter2"', 'keep', ['string'])).toBe('hunter2');
    expect(masked('4711', 'keep', ['string'])).not.toBe(4711);
    expect(masked('"hunter2"', 'redact', ['number'])).toMatch(/^mk_secret_/);
    expect(JSON.stringify(masked('["hunter2"]', 'keep', ['number']))).not.toContain('hunter2');
  }
});

test('finds all names and values of one object, in any order', () => {
  for (const pair of [
    '{"name":"password","id":"f1","value":"hunter2"}',
    '{"id":"f1","value":"hunter2","name":"password"}',
    '{"id":"f1","value":"hunter2","x":{"id":"f2","value":"blue"},"name":"password","key":"k"}',
    '{"value":"hunter2","text":"bob@example.com hunter2","data":["hunter2"],"name":"password"}',
    `{${'"value":"hunter2",'.repeat(20)}"name":"password"}`,
    `{${'"id":"f1",'.repeat(20)}"name":"password",${'"id":"f1",'.repeat(20)}"value":"hunter2"}`,
  ]) {
    expect(maskJson(pair)).not.toContain('hunter2');
    expect(() => JSON.parse(maskJson(pair))).not.toThrow();
  }
  expect(maskJson('{"name":"password","value":"x"},')).toBe('json-syntax');
  expect(maskJson('[{"name":"password","value":true},{"id":"a","value":"blue"}]')).toBe(
    '[{"name":"password","value":true},{"id":"a","value":"blue"}]',
  );
});

test('shows no value that one of its names keeps and another one masks', () => {
  const rules = [{ id: 'r', at: 'key:tenant', mask: 'keep' }] as const;
  expect(maskJson('{"id":"tenant","value":"acme"}', { rules })).toContain('acme');
  expect(maskJson('{"id":"tenant","value":"hunter2","name":"password"}', { rules })).not.toContain('hunter2');
  expect(maskJson('{"id":"password","name":"tenant","value":"hunter2"}', { rules })).not.toContain('hunter2');
});

test('opens JSON in strings, base64 of JSON, and URLs, and closes them again', () => {
  const inner = JSON.stringify({ password: 'hunter2', page: 1 });
  const twice = JSON.stringify({ data: JSON.stringify({ more: inner }) });
  const masked = maskJson(twice);
  const opened = JSON.parse(JSON.parse(JSON.parse(masked).data).more);
  expect(opened).toEqual({ password: expect.stringMatching(/^mk_secret_/), page: 1 });
  const coded = JSON.parse(maskJson(JSON.stringify({ s: Buffer.from(inner).toString('base64') })));
  expect(JSON.parse(Buffer.from(coded.s, 'base64').toString())).toEqual(opened);
  expect(maskJson('{"next":"https://shop.test/a?token=hunter2&page=2"}')).toMatch(
    /token=mk_secret_[\w-]{16}&page=2"\}$/,
  );
});

test('opens forms in strings, and leaves what is of their shape alone', () => {
  const masked = JSON.parse(
    maskJson(JSON.stringify({ body: 'firstname=Ada&page=2&j=%7B%22pin%22%3A%221%22%7D' })),
  );
  const form = new URLSearchParams(masked.body);
  expect(form.get('firstname')).toMatch(/^mk_name_/);
  expect(form.get('page')).toBe('2');
  expect(JSON.parse(form.get('j') ?? '')).toEqual({ pin: expect.stringMatching(/^mk_secret_/) });
  expect(maskJson('{"q":"?user%5Bemail%5D=x"}')).toMatch(/^\{"q":"\?user%5Bemail%5D=mk_email_/);
  for (const text of ['aGVsbG8gd29ybGQ=', 'a=b', 'x+y=z&&=', '===', 'E=mc2&F=ma']) {
    expect(maskJson(JSON.stringify({ text }))).toBe(JSON.stringify({ text }));
  }
});

test('opens base64 of JSON also behind space, over lines and in a data URL', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const plain = JSON.stringify({ filler: 'x'.repeat(70), password: 'hunter2' });
  for (const space of [' ', '\t', '\n', '\r\n', '\ufeff', '  \n ']) {
    const masked = JSON.parse(maskJson(JSON.stringify({ s: base64(space + plain) })));
    expect([space, Buffer.from(masked.s, 'base64').toString()]).toEqual([
      space,
      expect.stringContaining('mk_secret_'),
    ]);
  }
  const wrapped = base64(plain).replace(/.{76}/g, '$&\r\n');
  const ofLines = JSON.parse(maskJson(JSON.stringify({ s: wrapped })));
  expect(Buffer.from(ofLines.s, 'base64').toString()).toContain('mk_secret_');
  const head = 'data:application/json;charset=utf-8;base64,';
  const ofUrl: string = JSON.parse(maskJson(JSON.stringify({ s: head + base64(plain) }))).s;
  expect(ofUrl.startsWith(head)).toBe(true);
  expect(Buffer.from(ofUrl.slice(head.length), 'base64').toString()).toContain('mk_secret_');
  // Words that begin as such do are words.
  for (const word of ['Cincinnati', 'Client', 'Ignatius', 'data:,x', 'data:text/plain;base64,aGVsbG8=']) {
    const text = JSON.stringify({ s: word });
    expect(maskJson(text)).toBe(text);
  }
});

test('a name with percent codes is the name that they spell', () => {
  expect(maskJson('{"pass%77ord":"hunter2"}')).toMatch(/^\{"pass%77ord":"mk_secret_/);
  expect(maskJson('{"100%":"hunter2"}')).toBe('{"100%":"hunter2"}');
});

test('opens base64 of every kind of JSON container', () => {
  for (const inner of [
    '[["a",{"password":"hunter2"}]]',
    '[1,{"password":"hunter2"}]',
    ' {"password":"hunter2"}',
  ]) {
    for (const space of ['', ' ', '\n']) {
      const coded = Buffer.from(
        inner[0] === ' ' ? inner.slice(1) : inner[0] + space + inner.slice(1),
      ).toString('base64');
      const masked = JSON.parse(maskJson(JSON.stringify({ coded }))).coded;
      expect(Buffer.from(masked, 'base64').toString()).toContain('mk_secret_');
    }
  }
  for (const text of ['eyewitness', 'Wy6789abcdef', 'W3schools2024']) {
    expect(maskJson(JSON.stringify({ text }))).toBe(JSON.stringify({ text }));
  }
});

test('masks as a whole what is nested deeper than the limit', () => {
  let text = JSON.stringify({ password: 'hunter2' });
  for (let i = 0; i < 6; i++) text = JSON.stringify({ inner: text });
  expect(maskJson(text)).not.toContain('hunter2');
  expect(() => JSON.parse(maskJson(text))).not.toThrow();
});

test('masks as a whole a string that begins as JSON and cannot be parsed', () => {
  const cut = JSON.stringify({ log: '{"password":"hunter2","x' });
  expect(maskJson(cut)).toMatch(/^\{"log":"mk_value_[\w-]{16}"\}$/);
});

test('detects values in names of members', () => {
  expect(maskJson('{"bob@example.com":1}')).toMatch(/^\{"mk_email_[\w-]{16}":1\}$/);
  expect(maskJson('{"b\\u006fb@example.com":1}')).toMatch(/^\{"mk_email_[\w-]{16}":1\}$/);
});

test('refuses to go deeper than its limit', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(maskJson(nested(128))).toBe(nested(128));
  expect(maskJson(nested(129))).toBe('json-depth');
});

test('removes members with one comma, and puts null for elements', () => {
  const rules = [{ id: 'r', at: ['key:gone', 'json:$.list[1]'], mask: 'remove' }] as const;
  const cases = [
    ['{"gone":1}', '{}'],
    ['{"gone":1,"a":2}', '{"a":2}'],
    ['{"a":2,"gone":1}', '{"a":2}'],
    ['{"gone":1,"gone":{"x":[1]},"a":2}', '{"a":2}'],
    ['{"a":1,"gone":{"email":"b@c.de"},"gone":2,"b":3}', '{"a":1,"b":3}'],
    ['{"gone":1,"gone":2}', '{}'],
    ['{"list":["a","b","c"]}', '{"list":["a",null,"c"]}'],
    ['{ "gone" : "x" , "a" : 1 }', '{ "a" : 1 }'],
  ] as const;
  for (const [document, expected] of cases) expect(maskJson(document, { rules })).toBe(expected);
});

test('redacts whole containers, and numbers to 0', () => {
  const rules = [{ id: 'r', at: 'key:box', mask: 'redact' }] as const;
  expect(maskJson('{"box":{"email":"b@c.de","d":[1]},"a":1}', { rules })).toBe('{"box":"[REDACTED]","a":1}');
  expect(maskJson('{"box":12}', { rules })).toBe('{"box":0}');
});

test('follows JSON paths: members, any element, any depth', () => {
  const at = (path: string) => [{ id: 'r', at: `json:${path}`, mask: 'redact' }] as const;
  const document = '{"a":{"b":"1x"},"items":[{"x":"2x"},{"x":"3x"}],"z":{"y":{"deep":"4x"}},"deep":"5x"}';
  expect(maskJson(document, { rules: at('$.a.b') })).toContain('{"b":"[REDACTED]"}');
  expect(maskJson(document, { rules: at('$.items[*].x') })).toContain(
    '[{"x":"[REDACTED]"},{"x":"[REDACTED]"}]',
  );
  expect(maskJson(document, { rules: at('$.items[1].x') })).toContain('[{"x":"2x"},{"x":"[REDACTED]"}]');
  expect(maskJson(document, { rules: at('$..deep') })).toMatch(
    /"deep":"\[REDACTED\]"\}\},"deep":"\[REDACTED\]"/,
  );
  expect(maskJson(document, { rules: at('$.a.*') })).toContain('{"b":"[REDACTED]"}');
});

test('leaves a value to the next rule when its type is not of this one', () => {
  const rules = [{ id: 'r', at: 'key:password', mask: 'redact', types: ['number'] }] as const;
  expect(maskJson('{"password":12}', { rules })).toBe('{"password":0}');
  expect(maskJson('{"password":"hunter2"}', { rules })).toMatch(/mk_secret_/);
});

test('keeps what a rule keeps, but for what detectors find in it', () => {
  const rules = [
    { id: 'k', at: 'key:session', mask: 'keep' },
    { id: 'q', at: 'key:quiet', mask: { do: 'keep', detectors: false } },
  ] as const;
  const document = '{"session":{"id":"abc","pin":"1"},"quiet":"bob@example.com"}';
  expect(maskJson(document, { rules })).toBe(document);
  expect(maskJson('{"session":"bob@example.com"}', { rules })).toMatch(/mk_email_/);
});

test('takes time in proportion to the length, however many names and values wait for each other', () => {
  for (const seed of ['"val":1,', '"val":"a@b.co",', '"id":"a",', '"id":"a","val":1,']) {
    expectLinear(seed, '{', seed, (text) => maskJson(`${text}"name":"pin"}`));
  }
  expectLinear('lines of base64', 'eyJ', '\n', (text) => maskJson(JSON.stringify([`${text}!`])));
  expectLinear('a data URL', 'data:;base64,eyJ', '\r\n', (text) => maskJson(JSON.stringify([`${text}!`])));
});
