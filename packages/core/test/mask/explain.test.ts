import { expect, test } from 'vitest';
import { explainMasking } from '../../src/mask/explain.ts';
import { aChunk, anExchange } from '../../src/testing/factories.ts';

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
