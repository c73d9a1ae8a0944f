import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { processorMs } from '../linear.ts';
import { maskMessage, sameForEveryCut } from '../support.ts';

const token = /mk_[a-z-]+_[\w-]{16}/g;

/** A table after masking, each token as its type. */
function mask(body: string | Buffer, type = 'text/csv', policy: Partial<Policy> = {}): string {
  const { request } = maskMessage({ type, body }, policy);
  const text = request.body.replace(token, (found) => `<${found.split('_')[1]}>`);
  return request.state.startsWith('dropped') ? request.state : text;
}

test('lets the name of a column decide for its cells, and looks at all others', () => {
  expect(mask('id,firstName,note,Password\r\n1,Bob,mail a@b.co,hunter2\r\n2,"Ann, B",x,\r\n')).toBe(
    'id,firstName,note,Password\r\n1,<name>,mail <email>,<secret>\r\n2,"<name>",x,\r\n',
  );
  expect(mask('id\tpin\n1\t1234\n', 'text/tab-separated-values')).toBe('id\tpin\n1\t<secret>\n');
  expect(mask('id;pin\n1;1234')).toBe('id;pin\n1;<secret>');
  expect(mask('sep=|\r\nid|pin\r\n1|12,34')).toBe('sep=|\r\nid|pin\r\n1|<secret>');
  expect(mask('\ufeffpin,id\n1234,1')).toBe('\ufeffpin,id\n<secret>,1');
  expect(mask('"pin","a ""b"""\n"12""34","c ""a@b.co"""\n')).toBe(
    '"pin","a ""b"""\n"<secret>","c ""<email>"""\n',
  );
});

test('finds names whatever stands around them', () => {
  for (const name of [' pin ', '"""pin"""', 'User PIN (new)', '#pin', 'pin:', "'pin'"]) {
    expect([name, mask(`id,${name}\n1,1234\n`)]).toEqual([name, `id,${name}\n1,<secret>\n`]);
  }
});

test('opens what stands in cells', () => {
  expect(mask('id,data\n1,"{""firstName"":""Bob"",""a"":1.0}"\n')).toBe(
    'id,data\n1,"{""firstName"":""<name>"",""a"":1.0}"\n',
  );
});

test('is the same wherever the body is cut into chunks', () => {
  const body = sameForEveryCut({
    type: 'text/csv; charset=utf-8',
    body: 'id,"firstName",note\r\n1,"Bö\r\nb",x\n\n2,a@b.co,"+14155552671, ""é"""\r',
  });
  expect(body.replace(token, '#')).toBe('id,"firstName",note\r\n1,"#",x\n\n2,#,"#, ""é"""\r');
});

test('masks a row whole when its cells cannot be told apart', () => {
  expect(mask('id,password,x\n1,hun,ter2,3\n1,hunter2\n')).toBe(
    'id,password,x\n<value>,<value>,<value>,<value>\n<value>,<value>\n',
  );
  expect(mask('id,a,x\n1,hun,ter2,3\n')).toBe('id,a,x\n1,hun,ter2,3\n');
});

test('finds the names though a title stands above them', () => {
  expect(mask('Customers of May\n\nid,firstName,pin\n1,Bob,1234\n')).toBe(
    'Customers of May\n\nid,firstName,pin\n1,<name>,<secret>\n',
  );
  expect(mask('Report,,\nid,x,pin\n1,2,1234\n')).not.toContain('1234');
});

test('takes a row that begins with a name for a pair', () => {
  expect(mask('setting,value\ntheme,dark\npassword,hunter2\n')).toBe(
    'setting,value\ntheme,dark\npassword,<secret>\n',
  );
  expect(mask('a,b\n1,2\npassword,hunter2\n', 'text/csv', { disable: ['default/pair'] })).toContain(
    'hunter2',
  );
});

test('takes no names from a table that says it has none', () => {
  expect(mask('pin,1\n1234,a@b.co\n', 'text/csv; header=absent')).toBe('pin,1\n1234,<email>\n');
});

test('masks by a row of words though the type says that no row names columns', () => {
  const masked = mask('name,password\nbob,hunter2\n', 'text/csv; header=absent');
  expect(masked).not.toContain('hunter2');
  expect(masked).toContain('name,password\nbob,');
});

test('shows in the policy strict no first row that is none of names, or said to be none', () => {
  for (const [body, type] of [
    ['1,hunter2\n2,3\n', 'text/csv'],
    ['a,hunter2\n2,3\n', 'text/csv; header=absent'],
  ] as const) {
    expect(maskMessage({ type, body }, { extends: 'strict' }).request.body).not.toContain('hunter2');
  }
  expect(
    maskMessage({ type: 'text/csv', body: 'a,b\n1,hunter2\n' }, { extends: 'strict' }).request.body,
  ).toMatch(/^a,b\nmk_value_.{16},mk_value_.{16}\n$/);
});

test('reads tables that are not UTF-8', () => {
  const body = Buffer.from('id;firstName;note\n1;Jos\xe9;caf\xe9 a@b.co\n', 'latin1');
  const { request } = maskMessage({ type: 'text/csv; charset=iso-8859-1', body });
  expect(request.bytes.toString('latin1').replace(token, '#')).toBe('id;firstName;note\n1;#;caf\xe9 #\n');
});

test('drops what cannot be read as a table', () => {
  for (const body of [
    'pin\n"12',
    'pin\n"12"34\n',
    'pin,x\n"a\\"b",1\n',
    'firstName;city, state\nBob;x, y',
    `${'a,'.repeat(5000)}\n`,
    '<a,b>\n1,2',
    'a,b\n\0\0\0\0',
  ]) {
    expect([body.slice(0, 20), mask(body)]).toEqual([body.slice(0, 20), expect.stringMatching(/^dropped:/)]);
  }
  expect(mask('pin\n"12')).toBe('dropped:csv');
});

test('follows rules by name', () => {
  const rules: Policy['rules'] = [
    { id: 'a', at: 'key:a', mask: 'redact' },
    { id: 'b', at: 'key:b', mask: 'remove' },
    { id: 'p', at: 'key:pin', mask: 'keep' },
    { id: 'n', at: 'key:n', mask: { do: 'redact', with: 'x, "y"' } },
  ];
  expect(mask('a,b,pin,n\n1,2,3,4\n', 'text/csv', { rules })).toBe('a,b,pin,n\n[REDACTED],,3,"x, ""y"""\n');
});

test('leaves a table with nothing to mask byte for byte, and gives back every other cell', () => {
  const cell = fc.oneof(
    fc.stringMatching(/^[a-z ]{0,6}$/),
    fc.stringMatching(/^[a-z ,\r\n"]{0,8}$/).map((text) => `"${text.replaceAll('"', '""')}"`),
  );
  const row = fc.array(cell, { minLength: 3, maxLength: 3 });
  const table = fc.tuple(fc.array(row, { maxLength: 6 }), fc.constantFrom('\n', '\r\n', '\r'));
  fc.assert(
    fc.property(table, ([rows, end]) => {
      const bodyOf = (secret: string) =>
        ['x,q,pin', ...rows.map((cells) => [...cells, ''].slice(0, 2).concat(secret).join(','))].join(end);
      const plain = maskMessage({ type: 'text/csv', body: bodyOf('') }).request;
      if (rows.flat().some((text) => /[a-z]/.test(text) && plain.state === 'masked')) return;
      expect(plain).toMatchObject({ body: bodyOf(''), state: 'kept' });
      const masked = maskMessage({ type: 'text/csv', body: bodyOf('1234') }).request.body;
      expect(masked.replace(/mk_[a-z]+_[\w-]{16}/g, '1234')).toBe(bodyOf('1234'));
      expect(/,1234(?:\r|\n|$)/.test(masked)).toBe(false);
    }),
    { numRuns: 100 },
  );
});

test('takes time in proportion to the length of a table', () => {
  const size = 256 * 1024;
  for (const unit of ['"', '""', ',', '\n', 'a,b\n', '"a",', 'a,"', 'password,1\n', 'é;']) {
    const body = `a,pin\n${unit.repeat(size / unit.length)}`;
    expect(
      processorMs(() => maskMessage({ type: 'text/csv', body })),
      unit,
    ).toBeLessThan(2000);
  }
});

test('leaves a table that was masked before as it is', () => {
  const body = 'name,password\nAda,hunter2\n"Bob B","p,q"\n';
  const first = maskMessage({ type: 'text/csv', body });
  expect(first.request.body).toContain('Ada,mk_secret_');
  const again = maskMessage({ type: 'text/csv', body: first.request.body });
  expect(again.request).toMatchObject({ body: first.request.body, state: 'kept' });
});
