import { expect, test } from 'vitest';
import { headerValues } from '../../src/model/headers.ts';
import { checkRunId, isMarkedShadow, markForWire } from '../../src/replay/marks.ts';
import { anExchange } from '../../src/testing/index.ts';

const marked = (headers: readonly string[]) =>
  markForWire(anExchange({ request: { headers } }), { runId: 'r1' }, 7).request.headers;

test('marks stand behind the recorded headers, which stay as they are', () => {
  expect(marked(['Host', 'a', 'X-B', '1', 'x-b', '2'])).toEqual([
    ...['Host', 'a', 'X-B', '1', 'x-b', '2', 'baggage', 'shadow=true,shadow.run=r1'],
    ...['x-shadow-traffic', 'true', 'x-shadow-run', 'r1', 'x-shadow-seq', '7'],
  ]);
});

test('baggage keeps the members of others and its place', () => {
  expect(marked(['Baggage', 'tenant=a;p=1', 'Host', 'a', 'baggage', 'user=b']).slice(0, 4)).toEqual([
    ...['Baggage', 'tenant=a;p=1,user=b,shadow=true,shadow.run=r1', 'Host', 'a'],
  ]);
});

test('baggage without room is left alone', () => {
  const full = Array.from({ length: 63 }, (_, i) => `k${i}=v`).join(',');
  expect(headerValues(marked(['baggage', full]), 'baggage')).toEqual([full]);
  const long = `k=${'v'.repeat(8_190)}`;
  expect(headerValues(marked(['baggage', long]), 'baggage')).toEqual([long]);
});

test('marks of an earlier run are replaced', () => {
  const again = marked(marked(['Host', 'a']));
  expect(headerValues(again, 'x-shadow-run')).toEqual(['r1']);
  expect(headerValues(again, 'baggage')).toEqual(['shadow=true,shadow.run=r1']);
});

test('isMarkedShadow() knows marked requests', () => {
  expect(isMarkedShadow(marked([]))).toBe(true);
  expect(isMarkedShadow(['X-Shadow-Traffic', ' TRUE '])).toBe(true);
  expect(isMarkedShadow(['x-shadow-traffic', 'false'])).toBe(false);
  expect(isMarkedShadow([])).toBe(false);
});

test('a run id that could break out of a header is refused', () => {
  expect(checkRunId('nightly-1.2_x')).toBe('nightly-1.2_x');
  for (const id of ['', 'a b', 'a\r\nb', 'a,b', 'x'.repeat(65)]) {
    expect(() => checkRunId(id)).toThrow(/mark.runId/);
  }
});
