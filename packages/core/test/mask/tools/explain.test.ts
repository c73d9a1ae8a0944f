import { expect, test } from 'vitest';
import { explainMasking } from '../../../src/mask/tools/explain.ts';
import { aChunk, anExchange } from '../../../src/testing/factories.ts';

const email = ['ada', 'example.com'].join('@');

test('each value that is masked is told with its place and rule, and nothing else is', () => {
  const chunk = aChunk(`{"a":"to ${email} and b${email}","b":[{"zip":"12345"}],"c":"open"}`);
  const exchange = anExchange({
    request: { target: `/u/${email}?b=1`, headers: ['Accept', '*/*', 'X-Tenant', 'acme', 'Digest', 'x=y'] },
    response: { headers: ['Content-Type', 'application/json'], chunks: [chunk], size: chunk.size },
    marks: [{ name: 'note', value: `by ${email}` }],
  });
  const { masked, values } = explainMasking({ version: 1 }, exchange);
  expect(values.map(({ side, part, where, rules }) => [`${side} ${part} ${where}`, ...rules])).toEqual([
    ['request target path segment 2', 'default/detect/email'],
    ['request header x-tenant', 'default/header/unknown'],
    ['request header digest', 'default/header/body-hash'],
    ['response body $.a', 'default/detect/email'],
    ['response body $.b[0].zip', 'default/key/contact'],
    ['request mark note', 'default/detect/email'],
  ]);
  expect(values.find(({ where }) => where === 'digest')).toMatchObject({ before: 'x=y', after: undefined });
  expect(masked.unknownHeaders).toEqual(['x-tenant']);
});

test('the same value in two places is told of each by its own rule', () => {
  const chunk = aChunk(`{"email":"${email}","note":"${email}"}`);
  const exchange = anExchange({
    response: { headers: ['Content-Type', 'application/json'], chunks: [chunk], size: chunk.size },
  });
  const { values } = explainMasking({ version: 1 }, exchange);
  expect(values.map(({ where, rules }) => [where, ...rules])).toEqual([
    ['$.email', 'default/key/contact'],
    ['$.note', 'default/detect/email'],
  ]);
});

test('of parts and long texts, what is masked in them is told', () => {
  const form = ['--b', 'Content-Disposition: form-data; name="who"', '', email, '--b--', ''].join('\r\n');
  const [sent, text] = [aChunk(form), aChunk(`${'word '.repeat(40)} ${email} and ${email.slice(1)}`)];
  const exchange = anExchange({
    request: {
      headers: ['Content-Type', 'multipart/form-data; boundary=b'],
      chunks: [sent],
      size: sent.size,
    },
    response: { headers: ['Content-Type', 'text/plain'], chunks: [text], size: text.size },
  });
  const { values } = explainMasking({ version: 1 }, exchange);
  expect(
    values.filter(({ part }) => part === 'body').map(({ where, before, rules }) => [where, before, ...rules]),
  ).toEqual([
    ['part who', email, 'default/detect/email'],
    ['', email, 'default/detect/email'],
    ['', email.slice(1), 'default/detect/email'],
  ]);
});

test('a body that is dropped says why', () => {
  const chunk = aChunk('<p>hello</p>');
  const exchange = anExchange({
    response: { headers: ['Content-Type', 'text/html'], chunks: [chunk], size: chunk.size },
  });
  expect(explainMasking({ version: 1 }, exchange).values).toEqual([
    {
      side: 'response',
      part: 'body',
      where: '',
      before: '<p>hello</p>',
      after: undefined,
      rules: ['dropped:content-type'],
    },
  ]);
});
