import { expect, test } from 'vitest';
import { packJobs, packSettled, unpackJobs, unpackSettled } from '../../src/replay/batch.ts';
import type { Job, Settled } from '../../src/replay/engine.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('jobs come out of a batch as they went in', () => {
  const job = (index: number, over: Partial<Job> = {}): Job => ({
    index,
    exchange: index + 10,
    lane: `lane-${index % 2}`,
    plannedAt: index * 1e6 + 0.5,
    startAt: 2 ** 52 + index,
    finishedAt: 2 ** 52 + index + 1,
    timeoutNs: 3e10,
    shipment: {
      exchange: index + 10,
      lane: `lane-${index % 2}`,
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

test('a job that is made when it is sent does not leave its thread', () => {
  const times = { plannedAt: 0, startAt: 0, finishedAt: 0, timeoutNs: 1 };
  expect(() =>
    packJobs([{ index: 0, exchange: 1, lane: '', ...times, shipment: () => ({ skip: 'x' }) }]),
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
          { at: 9, data: bytes('two') },
        ],
        trailers: ['T', 'x'],
        size: 6,
        truncated: true,
        abandoned: true,
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
