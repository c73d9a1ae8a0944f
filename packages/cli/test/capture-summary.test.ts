import { anExchange } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { CaptureSummary } from '../src/capture-summary.ts';

test('a summary counts exchanges, operations, lanes, masks and marks', () => {
  const summary = new CaptureSummary();
  summary.exchange(
    anExchange({ lane: 'a', audit: [{ rule: 'email', part: 'body', side: 'request', count: 2 }] }),
  );
  summary.exchange(
    anExchange({ lane: 'a', startAt: 5e6, endAt: 9e6, marks: [{ name: 'tenant', value: 'x' }] }),
  );
  summary.exchange(
    anExchange({ lane: 'b', operation: 'GET /:id', response: { status: 503 }, partial: ['no-end'] }),
  );
  expect(summary.toJson()).toMatchObject({
    exchanges: { total: 3, failed: 1, partial: 1, responseBytes: 24 },
    statuses: [
      { name: '2xx', count: 2 },
      { name: '5xx', count: 1 },
    ],
    operations: [
      { operation: 'GET /orders/:id', exchanges: 2, failed: 0, meanMs: 2.5, maxMs: 4 },
      { operation: 'GET /:id', exchanges: 1, failed: 1 },
    ],
    laneCount: 2,
    lanes: [
      { lane: 'a', exchanges: 2, failed: 0 },
      { lane: 'b', exchanges: 1, failed: 1 },
    ],
    marks: [{ name: 'tenant', count: 1 }],
    masks: [{ name: 'email', count: 2 }],
  });
  const text = summary.toText();
  expect(text).toContain('3 exchanges in');
  expect(text).toContain('masked: email 2');
  expect(text).toContain('a full bar is');
});

test('what was sampled is counted as what it stands for as well', () => {
  const summary = new CaptureSummary();
  for (let i = 0; i < 3; i++) summary.exchange(anExchange({ sampleRate: 0.1 }));
  summary.exchange(anExchange({ response: { status: 503 } }));
  expect(summary.toJson()).toMatchObject({
    exchanges: { total: 4, failed: 1, estimated: 31, estimatedFailed: 1 },
    operations: [{ operation: 'GET /orders/:id', exchanges: 4, estimated: 31 }],
  });
  expect(summary.toText()).toContain('these stand for about 31 exchanges, 1 failed');
  expect(summary.toText()).toMatch(/operation +count +about +failed/);
  const whole = new CaptureSummary();
  whole.exchange(anExchange());
  expect(whole.toText()).not.toContain('about');
});

test('calls of gRPC are counted by their own status, of which those that are the fault of the server have failed', () => {
  const summary = new CaptureSummary();
  for (const status of ['0', '5', '14', '14', '77']) {
    const response = { status: 200, trailers: ['grpc-status', status] };
    summary.exchange(anExchange({ protocol: 'grpc', response }));
  }
  expect(summary.toJson()).toMatchObject({
    exchanges: { total: 5, failed: 2 },
    statuses: [
      { name: 'gRPC 14 UNAVAILABLE', count: 2 },
      { name: 'gRPC 0 OK', count: 1 },
      { name: 'gRPC 5 NOT_FOUND', count: 1 },
      { name: 'gRPC 77', count: 1 },
    ],
    lanes: [{ failed: 2 }],
  });
});

test('a gap is told with what it took', () => {
  const summary = new CaptureSummary();
  const gap = { type: 'gap', seq: 9, at: 7e6, fromAt: 5e6, toAt: 7e6, events: 0, fromSeq: 10 } as const;
  summary.event({ ...gap, reason: 'buffer-full', exchanges: 12 });
  expect(summary.toText()).toContain('gap (buffer-full) from 5.0 ms to 7.0 ms: 12 exchanges missing');
  expect(summary.toJson()).toMatchObject({ gaps: [{ reason: 'buffer-full', exchanges: 12 }] });
});

test('changes made while it was recorded are told, as they stand there', () => {
  const summary = new CaptureSummary();
  for (let i = 0; i < 30; i++) {
    summary.event({
      type: 'control',
      seq: i,
      at: i * 1e6,
      name: 'sampling',
      value: `ratio\x1b[2J 0.${i} (api)`,
    });
  }
  summary.event({ type: 'control', seq: 30, at: 30e6, name: 'pause', value: '' });
  const text = summary.toText();
  expect(text).toContain('control at 5.0 ms: sampling ratio\\x1b[2J 0.5 (api)\n');
  expect(text).toContain('and 11 controls more');
  expect(summary.toJson()).toMatchObject({ controls: { length: 31 } });
});

test('an empty capture is told without a table', () => {
  expect(new CaptureSummary().toText()).toMatch(/^0 exchanges in 0 ns\n/);
});

test('names without end are folded into one', () => {
  const summary = new CaptureSummary();
  for (let i = 0; i < 3000; i++) {
    summary.exchange(
      anExchange({ lane: `l${i}`, operation: `GET ${i}`, marks: [{ name: `m${i}`, value: '' }] }),
    );
  }
  const json = JSON.parse(JSON.stringify(summary.toJson()));
  expect(json.operations).toHaveLength(1001);
  expect(json.operations[0]).toMatchObject({ operation: '(other)', exchanges: 2000 });
  expect(json.marks).toHaveLength(501);
  expect(json.laneCount).toBe(3000);
});
