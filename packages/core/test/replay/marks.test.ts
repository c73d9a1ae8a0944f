import { expect, test } from 'vitest';
import { headerValue, headerValues } from '../../src/model/headers.ts';
import { type MarkOptions, resolveMarks } from '../../src/replay/mark-options.ts';
import { markForWire } from '../../src/replay/marks.ts';
import { verifyMarks } from '../../src/shadow/signature.ts';
import { isMarkedShadow } from '../../src/shadow/wire-marks.ts';
import { anExchange } from '../../src/testing/index.ts';

function marked(headers: readonly string[], options: MarkOptions = {}): readonly string[] {
  const { marks } = resolveMarks({ runId: 'r1', ...options });
  if (marks === undefined) throw new Error('no marks');
  return markForWire(anExchange({ request: { headers } }), marks, 7, 1_000_000).request.headers;
}

const bare: MarkOptions = { headers: false, baggage: false };

test('marks stand behind the recorded headers, which stay as they are', () => {
  expect(marked(['Host', 'a', 'X-B', '1', 'x-b', '2'])).toEqual([
    ...['Host', 'a', 'X-B', '1', 'x-b', '2', 'baggage', 'shadow=true,shadow.run=r1'],
    ...['x-shadow-traffic', 'true', 'x-shadow-run', 'r1', 'x-shadow-seq', '7'],
  ]);
});

test('each kind of mark can be left out', () => {
  expect(marked(['Host', 'a', 'User-Agent', 'b'], { ...bare, userAgent: false })).toEqual([
    ...['Host', 'a', 'User-Agent', 'b'],
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
  const signed = marked(['Host', 'a', 'User-Agent', 'b'], { signKey: 'k'.repeat(16) });
  const again = marked(signed);
  expect(headerValues(again, 'x-shadow-run')).toEqual(['r1']);
  expect(headerValues(again, 'x-shadow-signature')).toEqual([]);
  expect(headerValues(again, 'baggage')).toEqual(['shadow=true,shadow.run=r1']);
  expect(headerValues(again, 'user-agent')).toEqual(headerValues(signed, 'user-agent'));
});

test('the user agent is still that of the recorded client, with a note behind it', () => {
  const [agent] = headerValues(marked(['User-Agent', 'app/1 (x)'], bare), 'user-agent');
  expect(agent).toMatch(/^app\/1 \(x\) shadow-replay\/\d+\.\d+\.\d+/);
  expect(marked(['Host', 'a'], bare)).toEqual(['Host', 'a']);
});

test('idempotency keys are those of the run, in quotes or without', () => {
  const headers = ['Idempotency-Key', 'abc', 'X-Idempotency-Key', '"abc"'];
  const own = marked(headers, bare);
  expect(own).toEqual(['Idempotency-Key', 'r1-abc', 'X-Idempotency-Key', '"r1-abc"']);
  expect(marked(headers, { ...bare, idempotencyPrefix: false })).toEqual(headers);
});

test('each time that a loop comes round has keys and traces of its own', () => {
  const { marks } = resolveMarks({ ...bare, runId: 'r1', headers: true });
  if (marks === undefined) throw new Error('no marks');
  const headers = [
    ...['Idempotency-Key', 'abc', 'traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ];
  const time = (iteration: number) =>
    markForWire(anExchange({ request: { headers } }), marks, 7, 0, iteration).request.headers;
  expect(headerValue(time(2), 'idempotency-key')).toBe('r1-2-abc');
  expect(headerValue(time(2), 'x-shadow-iteration')).toBe('2');
  expect(headerValue(time(2), 'traceparent')).not.toBe(headerValue(time(3), 'traceparent'));
});

test('a tenancy is set, in place of a recorded one', () => {
  const own = marked(['Request-Tenancy', 'live/eu'], { ...bare, tenancy: 'Request-Tenancy: shadow/{runId}' });
  expect(own).toEqual(['Request-Tenancy', 'shadow/r1']);
  expect(marked([], { ...bare, tenancy: 'X-Tenant:  a b ' })).toEqual(['x-tenant', 'a b']);
});

test('what was one trace is one trace of the run, and its recorded id is kept', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const parent = (span: string, flags = '01') => `00-${trace}-${span}-${flags}`;
  const first = marked(['traceparent', parent('b7ad6b7169203331'), 'tracestate', 'v=1'], bare);
  const second = marked(['traceparent', parent('00f067aa0ba902b7', '00')], bare);
  const partsOf = (headers: readonly string[]) => (headerValue(headers, 'traceparent') ?? '').split('-');
  expect(partsOf(first)[1]).toBe(partsOf(second)[1]);
  expect(partsOf(first)[1]).not.toBe(trace);
  expect(partsOf(first)[2]).not.toBe(partsOf(second)[2]);
  expect([partsOf(first)[3], partsOf(second)[3]]).toEqual(['01', '00']);
  expect(headerValue(first, 'x-shadow-origin-trace')).toBe(trace);
  expect(headerValue(first, 'tracestate')).toBeUndefined();
  const other = marked(['traceparent', parent('b7ad6b7169203331')], { ...bare, runId: 'r2' });
  expect(partsOf(other)[1]).not.toBe(partsOf(first)[1]);
});

test('sampling of traces can be asked for, and the recorded trace be kept', () => {
  const headers = ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'];
  const flags = (sampled: 'always' | 'never') =>
    headerValue(marked(headers, { ...bare, traceparent: { sampled } }), 'traceparent')?.slice(-2);
  expect([flags('always'), flags('never')]).toEqual(['01', '00']);
  expect(marked(headers, { ...bare, traceparent: false })).toEqual(headers);
});

test('a traceparent that is none stays as it is', () => {
  for (const value of ['', 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `01-${'a'.repeat(32)}-x`]) {
    expect(marked(['traceparent', value], bare)).toEqual(['traceparent', value]);
  }
});

test('a signature holds for its run and position until it expires', () => {
  const key = Buffer.from('0123456789abcdef');
  const headers = marked([], { signKey: '0123456789abcdef', signForMs: 60_000 });
  const signature = headerValue(headers, 'x-shadow-signature') ?? '';
  const holds = (runId: string, seq: number, ms: number, by: Uint8Array = key) =>
    verifyMarks(by, runId, seq, signature, ms);
  expect(holds('r1', 7, 1_059_000)).toBe(true);
  expect(holds('r1', 7, 1_060_000)).toBe(false);
  expect(holds('r1', 8, 1_000_000)).toBe(false);
  expect(holds('r2', 7, 1_000_000)).toBe(false);
  expect(holds('r1', 7, 1_000_000, Buffer.from('another key, as long'))).toBe(false);
  for (const odd of ['', signature.slice(1), `${signature}x`, signature.replace('1060', '9060')]) {
    expect(verifyMarks(key, 'r1', 7, odd, 1_000_000)).toBe(false);
  }
});

test('isMarkedShadow() knows marked requests', () => {
  expect(isMarkedShadow(marked([]))).toBe(true);
  expect(isMarkedShadow(['X-Shadow-Traffic', ' TRUE '])).toBe(true);
  expect(isMarkedShadow(['x-shadow-traffic', 'false'])).toBe(false);
  expect(isMarkedShadow([])).toBe(false);
});

test.each<[string, MarkOptions]>([
  ...['', 'a b', 'a\r\nb', 'a,b', 'x'.repeat(65)].map((runId): [string, MarkOptions] => ['runId', { runId }]),
  ['hostSuffix', { hostSuffix: '' }],
  ['hostSuffix', { hostSuffix: '.evil/' }],
  ['hostSuffix', { hostSuffix: ':80' }],
  ['tenancy', { tenancy: 'no colon' }],
  ['tenancy', { tenancy: 'a: b\r\nc: d' }],
  ['tenancy', { tenancy: 'Host: other.test' }],
  ['tenancy', { tenancy: 'Content-Length: 0' }],
  ['signKey', { signKey: 'too short' }],
  ['signKey', { signKey: 'k'.repeat(16), headers: false }],
  ['signForMs', { signForMs: 5_000 }],
  ['signForMs', { signForMs: 1, signKey: 'k'.repeat(16) }],
])('a value that %s cannot have is refused: %j', (option, options) => {
  expect(() => resolveMarks(options)).toThrow(`mark.${option}`);
});
