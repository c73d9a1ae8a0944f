import { channel } from 'node:diagnostics_channel';
import type { Clock } from '../clock.ts';
import type { RecorderState } from './recorder-stats.ts';
import { toStandardError } from './standard-error.ts';

/** What is told of a recorder when something about it changes: one line, that can be printed as JSON. */
export interface RecorderNews {
  readonly event: 'state' | 'control';
  /** ISO 8601, in UTC. */
  readonly time: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly service: string;
  /** The recording, as the header of its capture has it. */
  readonly capture: string;
  readonly state: RecorderState;
  /** Of `state`: what it was before. */
  readonly before?: RecorderState | undefined;
  /** Of `control`: what was changed, as the capture has it. */
  readonly name?: string | undefined;
  readonly value?: string | undefined;
  /** Why, without recorded values. */
  readonly reason?: string | undefined;
}

/** Where news go besides the diagnostics channel: nowhere, to standard error as lines of JSON, or to a function. */
export type NewsLog = boolean | ((news: RecorderNews) => void);

/** The diagnostics channel on which every recorder of a process tells its {@link RecorderNews}. */
export const newsChannel = 'gardenhose:recorder';

const published = channel(newsChannel);

/** Tells of one recorder. What those do who are told is no concern of the recording. */
export class NewsTeller {
  state: RecorderState = 'opening';
  readonly #about: { readonly service: string; readonly capture: string };
  readonly #clock: Clock;
  readonly #log: ((news: RecorderNews) => void) | undefined;
  readonly #failed: (error: unknown) => void;

  constructor(
    about: { readonly service: string; readonly capture: string },
    clock: Clock,
    log: NewsLog,
    failed: (error: unknown) => void,
  ) {
    this.#about = about;
    this.#clock = clock;
    this.#log = log === true ? printed : log === false ? undefined : log;
    this.#failed = failed;
  }

  /** One that failed says so to the end. */
  become(state: RecorderState, reason?: string): void {
    const before = this.state;
    if (before === state || before === 'failed') return;
    this.state = state;
    this.#tell({ event: 'state', level: state === 'failed' ? 'error' : 'info', before, reason });
  }

  control(name: string, value: string): void {
    const shed = name === 'shed' && !value.endsWith('recovered');
    this.#tell({ event: 'control', level: shed || name === 'kill' ? 'warn' : 'info', name, value });
  }

  #tell(what: Omit<RecorderNews, 'time' | 'service' | 'capture' | 'state'>): void {
    if (this.#log === undefined && !published.hasSubscribers) return;
    try {
      const time = new Date(this.#clock.wallMs()).toISOString();
      const { event, level, ...rest } = what;
      const news = { event, time, level, ...this.#about, state: this.state, ...rest };
      published.publish(news);
      this.#log?.(news);
    } catch (error) {
      this.#failed(error);
    }
  }
}

function printed(news: RecorderNews): void {
  toStandardError(JSON.stringify({ name: 'gardenhose', ...news }));
}
