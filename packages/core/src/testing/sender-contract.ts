import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { systemClock } from '../clock.ts';
import type { Exchange } from '../model/exchange.ts';
import type { Answer, LaneSender, RunTimer, Sender, Shipment } from '../replay/sender.ts';
import { isUnsendable } from '../replay/sender.ts';
import type { ContractCase } from './contract.ts';
import { anExchange } from './factories.ts';

/** A sender and what it sends to, fresh for each case. */
export interface SenderUnderTest {
  /** Sends to a target that answers `answered` with a status below 400 and a body, and never answers `unanswered`. */
  readonly sender: Sender;
  /** Sends to where nobody answers. */
  readonly unreachable: Sender;
  /** Default: `GET /orders/7`, as {@link anExchange} makes it. */
  readonly answered?: Exchange;
  readonly unanswered: Exchange;
  readonly close: () => Promise<void>;
}

/** What every {@link Sender} keeps to. */
export function senderContract(setUp: () => Promise<SenderUnderTest>): ContractCase[] {
  const with_ = (run: (under: Required<SenderUnderTest>) => Promise<void>) => async () => {
    const under = await setUp();
    try {
      await run({ answered: anExchange(), ...under });
    } finally {
      await under.sender.close();
      await under.unreachable.close();
      await under.close();
    }
  };
  return [
    {
      name: 'makes the same shipment of the same exchange, one that can cross threads',
      run: with_(async ({ sender, answered }) => {
        const before = structuredClone(answered);
        const shipment = shipped(sender, answered);
        deepStrictEqual(shipped(sender, answered), shipment);
        deepStrictEqual(structuredClone(answered), before);
        const offsets = structuredClone(shipment).parts.map(({ offsetNs }) => offsetNs);
        if (shipment.head === undefined) strictEqual(offsets[0], 0);
        deepStrictEqual(
          offsets,
          offsets.toSorted((a, b) => a - b),
        );
        strictEqual(shipment.exchange, answered.id);
        strictEqual(shipment.lane, answered.lane);
      }),
    },
    {
      name: 'says why an exchange of a protocol that it does not speak cannot be sent',
      run: with_(async ({ sender, answered }) => {
        const foreign = anExchange({ protocol: answered.protocol === 'http' ? 'grpc' : 'http' });
        const prepared = sender.prepare(foreign);
        ok(isUnsendable(prepared) && prepared.skip !== '');
      }),
    },
    {
      name: 'answers one exchange after the other on one lane, with times in order',
      run: with_(async ({ sender, answered }) => {
        const timer = systemTimer();
        const lane = sender.openLane(answered.lane, timer);
        strictEqual(await lane.warm(answered.protocol), undefined);
        for (const id of [1, 2, 3]) {
          const from = timer.nowNs();
          const answer = await lane.send(shipped(sender, { ...answered, id }), false);
          strictEqual(answer.exchange, id);
          checkAnswer(answer, from, timer.nowNs());
        }
        lane.close();
      }),
    },
    {
      name: 'answers exchanges that overlap on one lane, each with its own',
      run: with_(async ({ sender, answered }) => {
        const timer = systemTimer();
        const lane = sender.openLane(answered.lane, timer);
        const answers = await Promise.all(
          [1, 2, 3].map((id) => lane.send(shipped(sender, { ...answered, id }), id > 1)),
        );
        deepStrictEqual(
          answers.map(({ exchange }) => exchange),
          [1, 2, 3],
        );
        for (const answer of answers) checkAnswer(answer, 0, timer.nowNs());
        lane.close();
      }),
    },
    {
      name: 'abandons an exchange at once: with the error that is given, or as abandoned',
      run: with_(async ({ sender, unanswered }) => {
        const lane = sender.openLane(unanswered.lane, systemTimer());
        const first = await abandoned(lane, shipped(sender, unanswered));
        strictEqual(first.abandoned, true);
        const error = { code: 'response-timeout', message: 'too late' } as const;
        const second = await abandoned(lane, shipped(sender, { ...unanswered, id: 2 }), error);
        deepStrictEqual(second.error, error);
        lane.close();
      }),
    },
    {
      name: 'answers what is under way when its lane closes',
      run: with_(async ({ sender, unanswered }) => {
        const lane = sender.openLane(unanswered.lane, systemTimer());
        await lane.warm(unanswered.protocol);
        const answer = lane.send(shipped(sender, unanswered), false);
        lane.close();
        ok((await answer).head === undefined);
      }),
    },
    {
      name: 'resolves with an error where nobody answers, and never rejects',
      run: with_(async ({ unreachable, answered }) => {
        const lane = unreachable.openLane(answered.lane, systemTimer());
        ok((await lane.warm(answered.protocol)) !== undefined);
        const answer = await lane.send(shipped(unreachable, answered), false);
        strictEqual(answer.head, undefined);
        ok(answer.error !== undefined && answer.error.message !== '');
        lane.close();
      }),
    },
  ];
}

function shipped(sender: Sender, exchange: Exchange): Shipment {
  const prepared = sender.prepare(exchange);
  if (isUnsendable(prepared)) throw new Error(`the exchange was not made ready: ${prepared.skip}`);
  return prepared;
}

async function abandoned(
  lane: LaneSender,
  shipment: Shipment,
  error?: Parameters<LaneSender['abandon']>[1],
): Promise<Answer> {
  await lane.warm(shipment.protocol);
  const answer = lane.send(shipment, false);
  lane.abandon(shipment.exchange, error);
  return answer;
}

function checkAnswer(answer: Answer, from: number, to: number): void {
  strictEqual(answer.error, undefined);
  const { sentAt = Number.NaN, firstByteAt = Number.NaN, endAt, head, chunks, size } = answer;
  ok(head !== undefined && head.status < 400);
  ok(
    from <= sentAt && sentAt <= firstByteAt && firstByteAt <= endAt && endAt <= to,
    'times are not in order',
  );
  const bytes = chunks.reduce((sum, { data }) => sum + data.length, 0);
  strictEqual(size, bytes);
  ok(bytes > 0);
}

function systemTimer(): RunTimer {
  const zero = systemClock.nowNs();
  const nowNs = () => systemClock.nowNs() - zero;
  return {
    nowNs,
    at: (atNs, run) => systemClock.after(Math.max(0, (atNs - nowNs()) / 1e6), run),
  };
}
