import { type ErrorCode, errorCodes } from '../errors.ts';
import { type Batch, Packer, Unpacker } from './batch.ts';
import type { Settled } from './job.ts';
import type { Answer, AnswerChunk, AnswerError, AnswerHead } from './sender.ts';

/** What became of jobs, on its way back. */
export function packSettled(all: readonly Settled[]): Batch {
  const packer = new Packer();
  for (const { index, plannedAt, blockedNs, heldAt, brief, answer, skip } of all) {
    packer.number(index);
    packer.number(plannedAt);
    packer.number(blockedNs);
    packer.maybe(heldAt);
    if (answer === undefined) {
      packer.number(kinds.skipped);
      packer.shared(skip ?? 'aborted');
    } else if (brief === true) {
      packer.number(kinds.brief);
      packBrief(packer, answer);
    } else {
      packer.number(kinds.whole);
      packAnswer(packer, answer);
    }
  }
  return packer.batch();
}

export function* unpackSettled(batch: Batch): Generator<Settled> {
  const unpacker = new Unpacker(batch);
  while (!unpacker.done) {
    const index = unpacker.number();
    const plannedAt = unpacker.number();
    const blockedNs = unpacker.number();
    const heldAt = unpacker.maybe();
    switch (unpacker.number()) {
      case kinds.brief:
        yield { index, plannedAt, blockedNs, heldAt, brief: true, answer: unpackBrief(unpacker) };
        break;
      case kinds.whole:
        yield { index, plannedAt, blockedNs, heldAt, answer: unpackAnswer(unpacker) };
        break;
      default:
        yield { index, plannedAt, blockedNs, skip: unpacker.string() };
    }
  }
}

const kinds = { skipped: 0, brief: 1, whole: 2 } as const;

/** The status and the times of an answer. */
function packBrief(packer: Packer, answer: Answer): void {
  packer.number(answer.exchange);
  packer.maybe(answer.sentAt);
  packer.maybe(answer.firstByteAt);
  packer.number(answer.endAt);
  packer.number(answer.size);
  packer.flag(answer.truncated);
  packer.flag(answer.abandoned);
  packer.flag(answer.resent);
  packer.maybe(answer.head?.status);
  packer.maybe(answer.head?.at);
  packTimes(packer, answer.laterLagsNs);
  packError(packer, answer.error);
}

function unpackBrief(unpacker: Unpacker): Answer {
  const exchange = unpacker.number();
  const sentAt = unpacker.maybe();
  const firstByteAt = unpacker.maybe();
  const endAt = unpacker.number();
  const size = unpacker.number();
  const truncated = unpacker.flag();
  const abandoned = unpacker.flag() || undefined;
  const resent = unpacker.flag() || undefined;
  const status = unpacker.maybe();
  const at = unpacker.number();
  const laterLagsNs = unpackTimes(unpacker);
  const error = unpackError(unpacker);
  return {
    exchange,
    sentAt,
    firstByteAt,
    endAt,
    informational: none,
    head: status === undefined ? undefined : { at, status, reason: '', version: '', headers: none },
    chunks: none,
    trailers: none,
    laterLagsNs,
    size,
    truncated,
    abandoned,
    resent,
    error,
  };
}

const none: readonly never[] = [];

function packAnswer(packer: Packer, answer: Answer): void {
  packer.number(answer.exchange);
  packer.maybe(answer.sentAt);
  packer.maybe(answer.firstByteAt);
  packer.number(answer.endAt);
  packer.number(answer.size);
  packer.flag(answer.truncated);
  packer.flag(answer.abandoned);
  packer.flag(answer.resent);
  packer.number(answer.informational.length);
  for (const head of answer.informational) packHead(packer, head);
  packer.flag(answer.head !== undefined);
  if (answer.head !== undefined) packHead(packer, answer.head);
  packer.flag(answer.inMessages);
  packer.number(answer.chunks.length);
  for (const chunk of answer.chunks) {
    packer.number(chunk.at);
    packer.bytes(chunk.data);
    if (answer.inMessages === true) packer.number(chunk.kind ?? 0);
  }
  packer.strings(answer.trailers);
  packer.flag(answer.deadlineExceeded);
  packTimes(packer, answer.laterLagsNs);
  packTimes(packer, answer.partsSentAt);
  packTimes(packer, answer.partsBlockedNs);
  packer.maybe(answer.partsUnawaited);
  packError(packer, answer.error);
}

function packError(packer: Packer, error: AnswerError | undefined): void {
  packer.flag(error !== undefined);
  if (error === undefined) return;
  packer.shared(error.code);
  packer.shared(error.message);
}

function unpackError(unpacker: Unpacker): AnswerError | undefined {
  return unpacker.flag() ? { code: errorCode(unpacker.string()), message: unpacker.string() } : undefined;
}

function unpackAnswer(unpacker: Unpacker): Answer {
  const exchange = unpacker.number();
  const sentAt = unpacker.maybe();
  const firstByteAt = unpacker.maybe();
  const endAt = unpacker.number();
  const size = unpacker.number();
  const truncated = unpacker.flag();
  const abandoned = unpacker.flag() || undefined;
  const resent = unpacker.flag() || undefined;
  const informational: AnswerHead[] = [];
  for (let left = unpacker.number(); left > 0; left--) informational.push(unpackHead(unpacker));
  const head = unpacker.flag() ? unpackHead(unpacker) : undefined;
  const inMessages = unpacker.flag() || undefined;
  const chunks: AnswerChunk[] = [];
  for (let left = unpacker.number(); left > 0; left--) {
    const [at, data] = [unpacker.number(), unpacker.bytes()];
    chunks.push(inMessages === true ? { at, data, kind: unpacker.number() || undefined } : { at, data });
  }
  const trailers = unpacker.strings();
  const deadlineExceeded = unpacker.flag() || undefined;
  const laterLagsNs = unpackTimes(unpacker);
  const partsSentAt = unpackTimes(unpacker);
  const partsBlockedNs = unpackTimes(unpacker);
  const partsUnawaited = unpacker.maybe();
  const error = unpackError(unpacker);
  return {
    exchange,
    sentAt,
    firstByteAt,
    endAt,
    informational,
    head,
    chunks,
    trailers,
    inMessages,
    laterLagsNs,
    partsSentAt,
    partsBlockedNs,
    partsUnawaited,
    size,
    truncated,
    abandoned,
    deadlineExceeded,
    resent,
    error,
  };
}

function packTimes(packer: Packer, times: readonly number[] | undefined): void {
  packer.maybe(times?.length);
  for (const at of times ?? []) packer.number(at);
}

function unpackTimes(unpacker: Unpacker): number[] | undefined {
  const count = unpacker.maybe();
  return count === undefined ? undefined : Array.from({ length: count }, () => unpacker.number());
}

function packHead(packer: Packer, head: AnswerHead): void {
  packer.number(head.at);
  packer.number(head.status);
  packer.shared(head.reason);
  packer.shared(head.version);
  packer.strings(head.headers);
}

function unpackHead(unpacker: Unpacker): AnswerHead {
  return {
    at: unpacker.number(),
    status: unpacker.number(),
    reason: unpacker.string(),
    version: unpacker.string(),
    headers: unpacker.strings(),
  };
}

function errorCode(text: string): ErrorCode {
  return errorCodes.find((code) => code === text) ?? 'worker-failed';
}
