import { expect, test } from 'vitest';
import { renderStubSummary } from '../../src/report/render-stub.ts';
import { StubHarness, unaryCall } from '../stub/support.ts';

test('a clean run is told in a few lines', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one'), unaryCall(2, 'milk', 'two')]);
  stub.unary('tea');
  expect(renderStubSummary(stub.stub.summary())).toBe(
    [
      'Stub: clean',
      '  1 asked, 1 matched, 0 missed; 1 of 2 recordings unused',
      '  operation       asked  missed  recorded  unused',
      '  shop.Stock/Get      1       0         2       1',
      '',
    ].join('\n'),
  );
});

test('what is not clean is told, and nothing that a terminal would obey', async () => {
  const broken = unaryCall(3, 'x', 'y', { partial: ['events-lost'] });
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one'), broken], { onExhausted: 'last' });
  for (let i = 0; i < 2; i++) stub.unary('tea');
  stub.unary('x', '/shop.Stock/\u001b[31m');
  const { request } = stub.call();
  request.closed();
  const text = renderStubSummary(stub.stub.summary());
  expect(text).toContain('4 asked, 2 matched, 1 missed, 1 reused, 1 abandoned');
  expect(text).toContain('1 recorded, but not served: it is not whole (events-lost)');
  expect(text).toContain('missed: nothing was recorded of shop.Stock/\\u{1b}[31m');
  expect(text).not.toContain('\u001b');
});
