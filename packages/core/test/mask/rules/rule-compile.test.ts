import { expect, test } from 'vitest';
import { GardenhoseError } from '../../../src/errors.ts';
import { createMasker } from '../../../src/mask/create-masker.ts';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { aPolicy, maskHeader, maskJson } from '../support.ts';

/** What a policy, which may come from a file, is refused with. */
function problem(over: object): string {
  try {
    createMasker(JSON.parse(JSON.stringify({ ...aPolicy(), ...over })));
    return 'accepted';
  } catch (error) {
    if (error instanceof GardenhoseError && error.code === 'mask-policy') return error.message;
    throw error;
  }
}
const parsed = (over: object): Partial<Policy> => JSON.parse(JSON.stringify(over));

test('lets a header through that is always masked only if it is named', () => {
  const keep = [{ id: 'r', at: 'header:x-api-key', mask: { do: 'keep', detectors: false } }] as const;
  expect(problem({ rules: keep })).toMatch(/only with "dangerouslyAllow": \["x-api-key"\]/);
  const allowed = { rules: keep, dangerouslyAllow: ['X-Api-Key'] };
  expect(maskHeader('x-api-key', 'Bearer abcdefghijklmnop1', allowed)).toBe('Bearer abcdefghijklmnop1');
  expect(maskHeader('authorization', 'Bearer abcdefghijklmnop1', allowed)).toMatch(/^Bearer mk_secret_/);
  // Without a rule it is a header that is kept: the detectors look at it.
  const alone = { dangerouslyAllow: ['from', 'cookie'] };
  expect(maskHeader('From', 'someone', alone)).toBe('someone');
  expect(maskHeader('From', 'bob@example.com', alone)).toMatch(/^mk_email_/);
  expect(maskHeader('Cookie', 'theme=dark', alone)).toBe('theme=dark');
  const pattern = [{ id: 'r', at: 'header:*', mask: 'keep' }] as const;
  expect(maskHeader('x-api-key', 'abc', { rules: pattern, dangerouslyAllow: ['x-api-key'] })).toBe('abc');
  expect(maskHeader('x-api-key', 'abc', { rules: pattern })).toMatch(/^mk_secret_/);
});

test('writes the headers that were let through into the header of the capture', () => {
  const { summary } = createMasker(aPolicy({ dangerouslyAllow: ['X-Api-Key', 'authorization'] }));
  expect(summary.allowed).toEqual(['authorization', 'x-api-key']);
  expect(createMasker(aPolicy()).summary).not.toHaveProperty('allowed');
  expect(summary.digest).not.toBe(createMasker(aPolicy()).summary.digest);
});

test('refuses parts and tokens of card numbers in one policy', () => {
  const partial = { do: 'partial', first: 6, last: 4 };
  const rules = (...pairs: [at: object, mask: unknown][]) => ({
    rules: pairs.map(([at, mask], i) => ({ id: `r${i}`, ...at, mask })),
  });
  for (const [one, two] of [
    [{ at: 'key:cardNumber' }, { at: 'json:$.payment.card_number' }],
    [{ at: 'json:$.a["cardNumber"]' }, { value: 'card' }],
    [{ value: 'card' }, { at: 'form:cardnumber' }],
  ] as const) {
    expect(problem(rules([one, partial], [two, 'token']))).toMatch(
      /^mask policy, rule r1, mask: parts of card/,
    );
    expect(problem(rules([one, 'token'], [two, partial]))).toMatch(/rule r0 asks for token/);
    expect(problem(rules([one, partial], [two, partial]))).toBe('accepted');
    expect(problem(rules([one, partial], [two, 'redact']))).toBe('accepted');
  }
  expect(problem(rules([{ at: 'key:cardNumber' }, partial], [{ at: 'key:note' }, 'token']))).toBe('accepted');
});

test('makes no tokens of card numbers by default rules where a rule shows parts of them', () => {
  const rules = parsed({
    rules: [{ id: 'r', at: 'json:$.pan', mask: { do: 'partial', first: 6, last: 4, minHidden: 6 } }],
  });
  const document = '{"pan":"4242424242424242","text":"4242424242424242","ccnum":"4242424242424242"}';
  expect(maskJson(document, rules)).toBe('{"pan":"424242***4242","text":"[REDACTED]","ccnum":"[REDACTED]"}');
  expect(maskJson(document)).not.toContain('REDACTED');
});

test('names the rule and what was meant', () => {
  const rule = (over: object) => problem({ rules: [{ id: 'shop/x', at: 'key:x', mask: 'token', ...over }] });
  expect(rule({ mask: 'tokne' })).toMatch(/rule shop\/x, mask: .*found "tokne": did you mean "token"\?/);
  expect(rule({ mask: { do: 'token', tpye: 'x' } })).toMatch(/unknown field "tpye".*did you mean "type"\?/);
  expect(rule({ at: 'headers:x' })).toMatch(/rule shop\/x, at: cannot read .*did you mean "header"\?/);
  expect(rule({ at: undefined, value: 'emial' })).toMatch(/did you mean "email"\?/);
  expect(rule({ when: { paths: ['/x'] } })).toMatch(/rule shop\/x, when: .*did you mean "path"\?/);
  expect(problem({ disable: ['nothing/like/it'] })).toMatch(/no default rule is called "nothing\/like\/it"$/);
  expect(problem({ disable: ['default/key/secrets'] })).toMatch(/did you mean "default\/key\/secret"\?/);
  expect(problem({ extend: 'strict' })).toMatch(/did you mean "extends"\?/);
  expect(problem({ dangerouslyAllow: ['autorization'] })).toMatch(/did you mean "authorization"\?/);
  expect(rule({ mask: 'zzz' })).not.toMatch(/did you mean/);
});

test('takes of two rules the first, and of a container and what is in it the one that comes first', () => {
  const rule = (id: string, at: string, text: string) => ({ id, at, mask: { do: 'redact', with: text } });
  const token = (id: string, at: string) => ({ id, at, mask: { do: 'token', type: id } });
  const [outer, inner] = [token('outer', 'json:$.a'), token('inner', 'json:$.a.b')];
  const document = '{"a":{"b":"x","c":"y"}}';
  expect(maskJson(document, parsed({ rules: [outer, inner] }))).toMatch(
    /"b":"mk_outer_.{16}","c":"mk_outer_/,
  );
  expect(maskJson(document, parsed({ rules: [inner, outer] }))).toMatch(
    /"b":"mk_inner_.{16}","c":"mk_outer_/,
  );
  // What is replaced as a whole leaves nothing to decide.
  expect(maskJson(document, parsed({ rules: [inner, rule('all', 'json:$.a', 'gone')] }))).toBe(
    '{"a":"gone"}',
  );
  // Default rules come after the user's, also below a container.
  expect(maskJson('{"a":{"password":"x"}}', parsed({ rules: [outer] }))).toMatch(/"password":"mk_outer_/);
});
