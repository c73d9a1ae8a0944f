import { type Clock, systemClock } from '../clock.ts';
import { type PathPattern, parsePathPattern } from '../compare/compare-path.ts';
import { GardenhoseError } from '../errors.ts';
import { createMasker } from '../mask/create-masker.ts';
import type { Masker } from '../mask/masker.ts';
import type { Policy } from '../mask/policy/policy.ts';
import type { PolicySummary } from '../model/capture-header.ts';
import type { Direction } from '../model/event.ts';
import { didYouMean, onlyOptions } from '../model/option-names.ts';
import { isMasker } from '../record/recorder-options.ts';

/** How like a recorded request a live one must be: `docs/guides/stubs.md` has the table. */
export type StubMatch = 'strict' | 'ordered' | 'lenient';

/** What follows when all recordings of a request have been served. */
export type StubExhausted = 'fail' | 'last' | 'loop';

/** How a stub picks what it answers with, and when it answers. */
export interface StubOptions {
  /**
   * `strict`: requests come in the order of the recording, equal in all that is compared; after one that does not, all are
   * refused. `ordered` (default): each recording is served once, equal ones in their order. `lenient`: the unused recording
   * whose request is most alike, from 0.8 of its fields on.
   */
  readonly match?: StubMatch | undefined;
  /**
   * Places in a request that are not compared, as `compare` names them: `body:$[*].sentAt` (messages are a list),
   * `body:$..requestId`. Default none.
   */
  readonly ignore?: readonly string[] | undefined;
  /** Names of headers, or of gRPC metadata, whose values are compared; not with `lenient`. Default none. */
  readonly headers?: readonly string[] | undefined;
  /**
   * When a request has no unused recording left: `fail`, serve the `last` one again, or begin again with the first
   * (`loop`). Default `fail`, with `lenient` `last`.
   */
  readonly onExhausted?: StubExhausted | undefined;
  /** Answers come after the `recorded` time (default), at once (`none`), or after the recorded time times this factor. */
  readonly latency?: 'recorded' | 'none' | number | undefined;
  /** No silence between two parts of an answer lasts longer than this, before the factor. Default 30,000. */
  readonly maxSilenceMs?: number | undefined;
  /**
   * Masks live requests before they are compared: the policy of the recording, with its key, or a masker. Default, for a
   * recording that was masked: the policy `secure` with a key of its own. Without the key of the recording, masked places
   * match any value, and such a match counts as approximate.
   */
  readonly mask?: Policy | Masker | undefined;
  /** Which side of the recorded service is served. Default `outbound`, the services that it asked, if there are any of those. */
  readonly direction?: Direction | undefined;
  /** Serve these alone: operations (`shop.Stock/Get`) or gRPC services (`shop.Stock`). Default all. */
  readonly operations?: readonly string[] | undefined;
  /** Bytes of recorded bodies and messages that are held at most. Default 536,870,912 (512 MiB). */
  readonly maxHeldBytes?: number | undefined;
  /** Told of each call when it is over. Default nobody. */
  readonly onCall?: ((call: ServedCall) => void) | undefined;
  /** Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** How a call of a stub went. */
export interface ServedCall {
  readonly operation: string;
  /** The recorded exchange that was served; undefined where none was. */
  readonly exchange: number | undefined;
  /** `abandoned`: it ended before it was known what it asks. */
  readonly outcome: 'matched' | 'missed' | 'abandoned';
  /** The recording had been served before. */
  readonly reused: boolean;
  /** In what the match is not exact, or the answer not as recorded; empty when both are. */
  readonly approximate: readonly string[];
  /** Of a miss: why, in a sentence. */
  readonly detail: string | undefined;
}

/** Stub options, checked and complete. */
export interface ResolvedStubOptions {
  readonly match: StubMatch;
  readonly ignore: readonly PathPattern[];
  /** In lower case. */
  readonly headers: readonly string[];
  readonly onExhausted: StubExhausted;
  /** 0 for none. */
  readonly latencyFactor: number;
  readonly maxSilenceNs: number;
  readonly mask: Policy | Masker | undefined;
  readonly direction: Direction | undefined;
  readonly operations: readonly string[] | undefined;
  readonly maxHeldBytes: number;
  readonly onCall: (call: ServedCall) => void;
  readonly clock: Clock;
}

const known: Readonly<Record<keyof StubOptions, true>> = {
  match: true,
  ignore: true,
  headers: true,
  onExhausted: true,
  latency: true,
  maxSilenceMs: true,
  mask: true,
  direction: true,
  operations: true,
  maxHeldBytes: true,
  onCall: true,
  clock: true,
};

const mostEntries = 1_000;

/** @throws GardenhoseError `invalid-option` */
export function resolveStubOptions(options: StubOptions = {}): ResolvedStubOptions {
  onlyOptions('a stub', options, known);
  const match = oneOf('match', options.match ?? 'ordered', ['strict', 'ordered', 'lenient']);
  const { mask, direction, onCall = () => undefined, clock = systemClock } = options;
  if (typeof onCall !== 'function') throw invalid('onCall', `must be a function, got ${typeof onCall}`);
  return {
    match,
    ignore: texts('ignore', options.ignore).map((text, i) => parsePathPattern(text, `ignore[${i}]`)),
    headers: texts('headers', options.headers).map((name) => name.toLowerCase()),
    onExhausted: oneOf('onExhausted', options.onExhausted ?? (match === 'lenient' ? 'last' : 'fail'), [
      'fail',
      'last',
      'loop',
    ]),
    latencyFactor: factorOf(options.latency ?? 'recorded'),
    maxSilenceNs: number('maxSilenceMs', options.maxSilenceMs ?? 30_000) * 1e6,
    mask,
    direction: direction === undefined ? undefined : oneOf('direction', direction, ['inbound', 'outbound']),
    operations: options.operations === undefined ? undefined : texts('operations', options.operations),
    maxHeldBytes: number('maxHeldBytes', options.maxHeldBytes ?? 512 * 1024 * 1024),
    onCall,
    clock,
  };
}

/** Which masker, if any, live requests go through, and whether its tokens are those of the recording. */
export interface StubMasking {
  readonly masker: Masker | undefined;
  readonly sameKey: boolean;
}

/**
 * @param recorded - The policy in the capture's header; undefined where exchanges came without one
 * @throws GardenhoseError `mask-policy`, `mask-key`
 */
export function stubMasking(
  mask: Policy | Masker | undefined,
  recorded: PolicySummary | undefined,
): StubMasking {
  // A recording that was not masked is compared as it is, and so is one that says nothing of it.
  if (recorded?.mode === 'none' || (recorded === undefined && mask === undefined)) {
    return { masker: undefined, sameKey: true };
  }
  const masker = mask !== undefined && isMasker(mask) ? mask : createMasker(mask, { keyId: recorded?.keyId });
  const { keyId, digest } = masker.summary;
  return {
    masker,
    sameKey: recorded === undefined || (recorded.keyId === keyId && recorded.digest === digest),
  };
}

function oneOf<T extends string>(option: string, value: T, choices: readonly NoInfer<T>[]): T {
  if (choices.includes(value)) return value;
  throw invalid(
    option,
    `must be ${choices.map((one) => `'${one}'`).join(' or ')}, got '${String(value)}'${didYouMean(value, choices)}`,
  );
}

function texts(option: string, value: readonly string[] = []): readonly string[] {
  const good =
    Array.isArray(value) &&
    value.length <= mostEntries &&
    value.every((one) => typeof one === 'string' && one !== '');
  if (good) return value;
  throw invalid(option, `must be a list of at most ${mostEntries} texts`);
}

function number(option: string, value: number): number {
  if (typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER / 1e6) return value;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(option, `must be a number over 0, got ${String(value)}`);
}

function factorOf(latency: 'recorded' | 'none' | number): number {
  if (latency === 'recorded') return 1;
  if (latency === 'none') return 0;
  if (typeof latency === 'number' && latency > 0 && latency <= 1_000) return latency;
  throw invalid(
    'latency',
    `must be 'recorded', 'none' or a factor over 0 up to 1,000, got ${typeof latency === 'number' ? latency : `'${String(latency)}'`}`,
  );
}

function invalid(option: string, problem: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${option} ${problem}`, { subject: option });
}
