import { expect, test } from 'vitest';
import type { Job, Settled } from '../../src/replay/job.ts';
import { packJobs, unpackJobs } from '../../src/replay/packed-jobs.ts';
import { packSettled, unpackSettled } from '../../src/replay/packed-settled.ts';
import type { Shipment } from '../../src/replay/sender.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('jobs come out of a batch as they went in', () => {
  const job = (index: number, over: Partial<Job> = {}): Job => ({
    index,
    exchange: index + 10,
    lane: `lane-${index % 2}`,
    protocol: 'http',
    plannedAt: index * 1e6 + 0.5,
    startAt: 2 ** 52 + index,
    finishedAt: 2 ** 52 + index + 1,
    timeoutNs: 3e10,
    shipment: {
      exchange: index + 10,
      lane: `lane-${index % 2}`,
      protocol: 'http',
      startAt: 2 ** 52 + index,
      endAt: 2 ** 52 + 9,
      parts: [
        { offsetNs: 0, bytes: bytes(`head ${index}`) },
        { offsetNs: 1e6, bytes: bytes('') },
        { offsetNs: 2e6, bytes: bytes('body') },
      ],
      method: 'POST',
      abandonNs: index === 1 ? 5 : undefined,
      alone: index === 2,
    },
    ...over,
  });
  const jobs = [job(0), job(1), job(2, { plannedAt: Number.NaN })];
  expect([...unpackJobs(packJobs(jobs))]).toEqual(jobs);
});

test('a call comes out of a batch as it went in: its head, its deadline, and what its parts are', () => {
  const shipment: Shipment = {
    exchange: 7,
    lane: 'channel',
    protocol: 'grpc',
    startAt: 1,
    endAt: 9,
    method: '/shop.Orders/Chat',
    head: { authority: 'shop.test', headers: ['a', '1', 'a', '2', 'trace-bin', 'AAE='] },
    deadlineNs: 2.5e9,
    parts: [
      { offsetNs: 0, bytes: bytes('one'), kind: 'message' },
      { offsetNs: 5, bytes: bytes(''), kind: 'message' },
      { offsetNs: 6, bytes: bytes(''), kind: 'end' },
    ],
  };
  const times = { plannedAt: 0, startAt: 1, finishedAt: 9, timeoutNs: 1 };
  const job: Job = { index: 0, exchange: 7, lane: 'other', protocol: 'grpc', ...times, shipment };
  expect([...unpackJobs(packJobs([job, job]))]).toEqual([
    { ...job, shipment: { ...shipment, lane: 'other', alone: false } },
    { ...job, shipment: { ...shipment, lane: 'other', alone: false } },
  ]);
});

test('a job that is made when it is sent does not leave its thread', () => {
  const times = { plannedAt: 0, startAt: 0, finishedAt: 0, timeoutNs: 1 };
  expect(() =>
    packJobs([
      { index: 0, exchange: 1, lane: '', protocol: 'http', ...times, shipment: () => ({ skip: 'x' }) },
    ]),
  ).toThrow(TypeError);
});

test('answers come out of a batch as they went in', () => {
  const head = { at: 7, status: 200, reason: 'OK', version: '1.1', headers: ['A', '1', 'a', '\xff'] };
  const settled: Settled[] = [
    { index: 0, plannedAt: 1, blockedNs: 2, skip: 'hook' },
    {
      index: 1,
      plannedAt: 1,
      blockedNs: 0,
      answer: {
        exchange: 4,
        sentAt: 5,
        firstByteAt: 6,
        endAt: 9,
        informational: [{ ...head, status: 103 }, head],
        head,
        chunks: [
          { at: 8, data: bytes('one') },
          { at: 9, data: bytes('two'), kind: 2 },
        ],
        trailers: ['T', 'x'],
        size: 6,
        truncated: true,
        inMessages: true,
        partsSentAt: [5, 6],
        abandoned: true,
        deadlineExceeded: true,
        resent: true,
        error: undefined,
      },
    },
    {
      index: 2,
      plannedAt: 3,
      blockedNs: 0,
      answer: {
        exchange: 5,
        sentAt: undefined,
        firstByteAt: undefined,
        endAt: 9,
        informational: [],
        head: undefined,
        chunks: [],
        trailers: [],
        size: 0,
        truncated: false,
        abandoned: undefined,
        resent: undefined,
        error: { code: 'target-unreachable', message: 'why' },
      },
    },
  ];
  expect([...unpackSettled(packSettled(settled))]).toEqual(settled);
});

test('of an answer that nobody looks at, the status and the times come out, whatever else it holds', () => {
  const head = { at: 5, status: 503, reason: 'No', version: '1.1', headers: ['a', 'b'] };
  const answer = {
    ...{ exchange: 7, sentAt: 1, firstByteAt: 4, endAt: 9, informational: [head], head },
    ...{ chunks: [{ at: 6, data: bytes('body') }], trailers: ['c', 'd'], size: 4, truncated: false },
    laterLagsNs: [1, 2.5],
  };
  const error = { code: 'connection-closed' as const, message: 'gone' };
  const all: Settled[] = [
    { index: 0, plannedAt: 1, blockedNs: 0, brief: true, answer: { ...answer, resent: true } },
    { index: 1, plannedAt: 1, blockedNs: 0, brief: true, answer: { ...answer, head: undefined, error } },
    { index: 2, plannedAt: 1, blockedNs: 0, brief: true, skip: 'aborted' },
    { index: 3, plannedAt: 1, blockedNs: 0, answer },
  ];
  const bare = { ...answer, informational: [], chunks: [], trailers: [] };
  expect([...unpackSettled(packSettled(all))]).toEqual([
    { ...all[0], answer: { ...bare, resent: true, head: { ...head, reason: '', version: '', headers: [] } } },
    { ...all[1], answer: { ...bare, head: undefined, error } },
    { index: 2, plannedAt: 1, blockedNs: 0, skip: 'aborted' },
    { index: 3, plannedAt: 1, blockedNs: 0, answer },
  ]);
});
