import type { Exchange, Message, ResponseHead } from '../model/exchange.ts';
import { type HeaderList, headerValue } from '../model/headers.ts';

/** A part of an answer, to be written by an adapter. */
export type StubStep =
  /** `bodyBytes`: how many come in chunks. */
  | { readonly kind: 'head'; readonly head: ResponseHead; readonly bodyBytes: number }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'chunk'; readonly data: Uint8Array }
  /** The answer is whole. `alone`: the trailers stand in the place of a head, which never comes. */
  | { readonly kind: 'end'; readonly trailers: HeaderList; readonly alone: boolean }
  /** It was broken off. By `client`: the recording ends here, since its client went away. */
  | { readonly kind: 'break'; readonly by: 'client' | 'server' | 'unknown'; readonly code: string };

/** A step and when it is due: so long after that many parts of the request have come. */
export interface TimedStep {
  readonly step: StubStep;
  /** Of a call: 0 the head, n its n-th message, one more its end. Of another exchange: 1 the end. */
  readonly after: number;
  readonly delayNs: number;
}

/** How long it took, and how much of that is kept. */
export interface ScriptTiming {
  readonly latencyFactor: number;
  readonly maxSilenceNs: number;
}

/** Where the recording ends because its client went away, the live client is given this much time to do so too. */
const graceNs = 1e9;

/** What a recorded exchange is served as, or why it cannot be. */
export function scriptOf(
  exchange: Exchange,
  timing: ScriptTiming,
): readonly TimedStep[] | { readonly unusable: string } {
  const unusable = whyUnusable(exchange);
  if (unusable !== undefined) return { unusable };
  const steps = stepsOf(exchange);
  if (steps.length === 0) return { unusable: 'no answer was recorded' };
  return timed(steps, requestTimes(exchange), exchange.startAt, timing);
}

/** How many parts of its request an exchange waits for in all: {@link TimedStep.after} of the end. */
export const endOf = ({ protocol, request }: Exchange): number =>
  protocol === 'grpc' ? request.messages.length + 1 : 1;

interface RecordedStep {
  readonly at: number;
  readonly step: StubStep;
}

function whyUnusable({ partial, response, marks }: Exchange): string | undefined {
  const [lacks] = partial.filter((reason) => reason !== 'no-end');
  if (lacks !== undefined) return `it is not whole (${lacks})`;
  if (response === undefined) return undefined;
  const lost = [response.state, ...response.messages.map(({ state }) => state)].find(
    (state) => state !== 'kept' && state !== 'masked',
  );
  if (lost !== undefined) return `its answer was not kept (${lost})`;
  if (marks.some(({ name, value }) => name === 'undecoded' && value.startsWith('response'))) {
    return 'its answer was compressed in a way that could not be read';
  }
  return undefined;
}

function stepsOf({ response, abort, protocol, partial }: Exchange): RecordedStep[] {
  const steps: RecordedStep[] = [];
  const put = (at: number, step: StubStep) => steps.push({ at, step });
  const broken = () => {
    if (abort === undefined || abort.by === 'recorder') return;
    const { at, by, code } = abort;
    put(at, { kind: 'break', by, code });
  };
  if (response === undefined) {
    broken();
    return steps;
  }
  const { trailers, messages, chunks, at, endAt, ...head } = response;
  const told = protocol === 'grpc' && headerValue(trailers, 'grpc-status') !== undefined;
  const alone = told && head.headers.length === 0 && messages.length === 0;
  const bodyBytes = chunks.reduce((sum, { data }) => sum + data.length, 0);
  if (!alone) put(at, { kind: 'head', head: response, bodyBytes });
  for (const message of messages) put(message.at, { kind: 'message', message });
  for (const chunk of chunks) put(chunk.at, { kind: 'chunk', data: chunk.data });
  const lastAt = steps.at(-1)?.at ?? at;
  if (told || endAt !== undefined) {
    put(endAt ?? Math.max(lastAt, abort?.at ?? 0), { kind: 'end', trailers, alone });
  } else if (partial.length === 0) {
    broken();
  }
  return steps;
}

/** When each part of the request had come that an answer may have waited for. */
function requestTimes({ protocol, request, startAt, response, abort }: Exchange): number[] {
  const ended = request.complete ? request.endAt : undefined;
  const never = Number.POSITIVE_INFINITY;
  // An answer is given to a whole request, even where the recorded one came before its end.
  if (protocol !== 'grpc') return [startAt, Math.min(ended ?? startAt, response?.at ?? abort?.at ?? never)];
  return [startAt, ...request.messages.map(({ at }) => at), ended ?? never];
}

function timed(
  steps: readonly RecordedStep[],
  causes: readonly number[],
  startAt: number,
  { latencyFactor, maxSilenceNs }: ScriptTiming,
): TimedStep[] {
  let after = 0;
  let lastAt = startAt;
  let delayNs = 0;
  return steps.map(({ at, step }) => {
    for (let cause = causes[after + 1]; cause !== undefined && cause <= at; cause = causes[after + 1]) {
      after++;
      if (cause >= lastAt) {
        lastAt = cause;
        delayNs = 0;
      }
    }
    const silenceNs = Math.min(Math.max(0, at - lastAt), maxSilenceNs);
    // A client that goes away does so at its own time, however quick the answers are.
    const left = step.kind === 'break' && step.by === 'client';
    delayNs += left ? silenceNs * Math.max(1, latencyFactor) + graceNs : silenceNs * latencyFactor;
    lastAt = Math.max(lastAt, at);
    return { step, after, delayNs };
  });
}
