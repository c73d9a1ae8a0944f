import type { KeyObject } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import type { Exchange } from '../model/exchange.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import type { Leaf, Visit } from './leaf.ts';
import { movedTime } from './moved-time.ts';
import { isWebToken, movedToken, readTokenKey, type WebTokenKey } from './web-token.ts';

/** How times in requests are moved to those of the replay. */
export interface TimeShiftOptions {
  /** Wall-clock time of the capture's anchor, milliseconds since 1970. Default what the capture says; exchanges alone say nothing. */
  readonly recordedAt?: number | undefined;
  /**
   * Signs web tokens whose times were moved: a secret, or a private key as PEM. They are then credentials of this key's owner, and are sent. Default
   * none: web tokens stay as they were recorded.
   */
  readonly jwtKey?: WebTokenKey | undefined;
}

/** What was moved. */
export interface TimeShiftCounts {
  /** From the recording to the replay, in milliseconds; 0 before the first exchange. */
  readonly byMs: number;
  /** Times that were moved. */
  readonly times: number;
  /** Web tokens that were signed anew. */
  readonly tokens: number;
}

/** Moves the times in requests by as much as the replay is later than the recording. */
export class TimeShift {
  readonly #recordedAt: number;
  readonly #key: KeyObject | undefined;
  readonly #clock: Clock;
  readonly #startAt: number | undefined;
  #byMs: number | undefined;
  #times = 0;
  #tokens = 0;

  /**
   * @param startAt - when the replay begins, in milliseconds since 1970; default when it takes the first exchange in
   * @throws {@link GardenhoseError} `invalid-option`
   */
  constructor(options: TimeShiftOptions, startAt?: number, clock: Clock = systemClock) {
    onlyOptions('timeShift', options, optionNames);
    const { recordedAt, jwtKey } = options;
    if (recordedAt === undefined) {
      throw invalidOption('timeShift', 'needs recordedAt where exchanges are replayed without their capture');
    }
    if (!Number.isFinite(recordedAt)) {
      throw invalidOption(
        'timeShift.recordedAt',
        `must be milliseconds since 1970, got ${String(recordedAt)}`,
      );
    }
    this.#recordedAt = recordedAt;
    this.#key = jwtKey === undefined ? undefined : readTokenKey(jwtKey, 'timeShift.jwtKey');
    this.#startAt = startAt;
    this.#clock = clock;
  }

  /** The first exchange of a run is what begins at its time zero. */
  begin({ startAt }: Exchange): void {
    this.#byMs ??= (this.#startAt ?? this.#clock.wallMs()) - (this.#recordedAt + startAt / 1e6);
  }

  /** Gives times and web tokens as they are now. */
  readonly visit: Visit = ({ text, place, role }: Leaf) => {
    const byMs = this.#byMs ?? 0;
    if (this.#key !== undefined && isWebToken(text)) {
      const token = movedToken(text, Math.round(byMs / 1_000), this.#key);
      if (token !== undefined) this.#tokens++;
      return token;
    }
    const name = place.slice(Math.max(place.lastIndexOf('.'), place.lastIndexOf('#')) + 1);
    const moved = role === undefined ? movedTime(text, name, byMs, this.#recordedAt) : undefined;
    if (moved !== undefined) this.#times++;
    return moved;
  };

  counts(): TimeShiftCounts {
    return { byMs: this.#byMs ?? 0, times: this.#times, tokens: this.#tokens };
  }
}

const optionNames: Readonly<Record<keyof TimeShiftOptions, true>> = { recordedAt: true, jwtKey: true };
