import type { ReplayPlan } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { planJson, planText } from '../src/plan-text.ts';

const plan: ReplayPlan = {
  target: 'http://127.0.0.1:3000',
  addresses: new Map([['staging.example', ['10.0.0.7', '10.0.0.8']]]),
  thread: 'worker',
  threads: 1,
  pace: 'recorded x2',
  exchanges: 312,
  toSend: 300,
  mutations: 4,
  methods: new Map([
    ['GET', 296],
    ['PUT', 4],
  ]),
  skipped: new Map([['partial', 12]]),
  lanes: 5,
  durationMs: 60_000,
  peakPerSecond: 20,
  budget: { maxRequests: 300, maxRps: 34, maxDurationMs: 150_000, maxBytes: 1_000, maxInFlight: 256 },
};

test('a plan says what is sent where and when, and what is not', () => {
  expect(planText(plan).split('\n')).toEqual([
    'plan: send 300 of 312 exchanges to http://127.0.0.1:3000, pace recorded x2, over 1 min 00 s, at most 20 in a second',
    '  5 lanes; GET 296, PUT 4; 4 may change state at the target',
    '  limits: 300 requests, 34 in a second, 2 min 30 s, 1000 bytes of bodies',
    '  staging.example is 10.0.0.7, 10.0.0.8',
    '  not sent: partial 12',
  ]);
});

test('a plan says what would pause or end the run', () => {
  const breaker = { errors: 0.5, of: 20, pauseMs: 5_000, maxPauses: 3 };
  const budget = { ...plan.budget, maxLagMs: 200 };
  const text = planText({ ...plan, breaker, budget, stopFile: '/tmp/stop', pacing: { rampUpMs: 5_000 } });
  expect(text).toContain('pace recorded x2, rising to full rate over 5 s, over 1 min');
  expect(text).toContain('1000 bytes of bodies, 200.0 ms behind the plan\n');
  expect(text).toContain(
    '  pauses for 5.00 s, at most 3 times, when 50 % of the last 20 end with errors that are new\n',
  );
  expect(text).toContain('  ends when /tmp/stop is there\n');
  expect(planText({ ...plan, breaker: { ...breaker, maxPauses: 0 } })).toContain(
    '\n  ends when 50 % of the last 20',
  );
});

test('a plan without a schedule says so', () => {
  const idle = { ...plan, durationMs: 0, methods: new Map(), skipped: new Map() };
  expect(planText(idle)).toContain('without a schedule\n  5 lanes; nothing;');
});

test('a plan says how many threads send, where they are several', () => {
  expect(planText({ ...plan, threads: 3 })).toContain(' to http://127.0.0.1:3000 from 3 threads, pace');
});

test('as JSON a plan has objects in place of maps', () => {
  expect(JSON.parse(JSON.stringify(planJson(plan)))).toMatchObject({
    methods: { GET: 296 },
    skipped: { partial: 12 },
  });
});
