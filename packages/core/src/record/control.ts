import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import type { RecorderStats } from './recorder-stats.ts';
import { type SamplerRule, sampleBy } from './sample-rules.ts';
import { always, type Sampler, sampleRatio } from './sampler.ts';
import { type SamplingRule, sampleRulesOf } from './sampling-settings.ts';

/** A change to a recording while it runs. What is absent stays as it is. */
export interface ControlChange {
  /** True: from the next exchange on nothing is recorded; exchanges under way are recorded to their end. */
  readonly paused?: boolean | undefined;
  /**
   * The share of exchanges that is recorded, from 0 to 1, in place of what the sampler says; null: what the sampler says. What a sampler
   * keeps by its outcome is kept at any ratio.
   */
  readonly ratio?: number | null | undefined;
  /**
   * Rules that come before all else: the first that fits an exchange says whether it is recorded, by `ratio` or by `perSecond`. Null: none.
   */
  readonly rules?: readonly ControlRule[] | null | undefined;
}

/** A rule that goes by what is known of an exchange as it starts. */
export type ControlRule = Omit<SamplingRule, 'outcome'>;

/** Who asked for a change. */
export type ControlSource = 'api' | 'file' | 'http';

/** How a recording is controlled now. */
export interface ControlState {
  readonly paused: boolean;
  readonly killed: boolean;
  /** Null where the sampler decides. */
  readonly ratio: number | null;
  /** How many rules come before it. */
  readonly rules: number;
  /** What decides which exchanges are recorded, in words. */
  readonly sampling: string;
}

/** What a control needs of its recorder. */
export interface ControlPort {
  /** False when nothing is recorded any more, and nothing can change. */
  open(): boolean;
  /** Puts a change into the capture. */
  note(name: string, value: string): void;
  paused(paused: boolean): void;
  kill(): Promise<RecorderStats>;
  failed(error: unknown): void;
}

/** Of a description that goes into the capture: a thousand rules have many words. */
const mostWords = 4_096;

const changeNames: Readonly<Record<keyof ControlChange, true>> = {
  paused: true,
  ratio: true,
  rules: true,
};

/**
 * Changes a recording while it runs, from the next exchange on. Each change is an event of the capture. Nothing changes any more when
 * the recorder has failed or is closed.
 *
 * @example
 * recorder.control.set({ ratio: 0.01 });
 * await recorder.control.kill();
 */
export class RecorderControl {
  readonly #configured: Sampler;
  readonly #port: ControlPort;
  #sampler: Sampler;
  #ratio: number | null = null;
  #rules: readonly SamplerRule[] = [];
  #paused = false;
  #killed: Promise<RecorderStats> | undefined;
  readonly #onKill: (() => void)[] = [];

  constructor(sampler: Sampler, port: ControlPort) {
    this.#configured = sampler;
    this.#sampler = sampler;
    this.#port = port;
  }

  /** What decides now. Asked for each exchange. */
  get sampler(): Sampler {
    return this.#sampler;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get state(): ControlState {
    return {
      paused: this.#paused,
      killed: this.#killed !== undefined,
      ratio: this.#ratio,
      rules: this.#rules.length,
      sampling: this.#sampler.description,
    };
  }

  /**
   * Makes all of a change, or nothing of it.
   *
   * @param by - Who asked for it, for the capture. Default `api`
   * @throws {@link GardenhoseError} `invalid-option`
   */
  set(change: ControlChange, by: ControlSource = 'api'): ControlState {
    const { paused, ratio = this.#ratio, rules = this.#rules } = checkChange(change);
    if (!this.#port.open()) return this.state;
    const sampler = controlledSampler(this.#configured, ratio, rules);
    this.#ratio = ratio;
    this.#rules = rules;
    if (rules.length > 0 || sampler.description !== this.#sampler.description) {
      this.#sampler = sampler;
      this.#port.note('sampling', `${sampler.description.slice(0, mostWords)} (${by})`);
    }
    if (paused !== undefined && paused !== this.#paused) {
      this.#paused = paused;
      this.#port.paused(paused);
      this.#port.note(paused ? 'pause' : 'resume', by);
    }
    return this.state;
  }

  /**
   * Ends the recording now, for good: taps see nothing more, what is under way is aborted (`recorder-killed`), and the capture is
   * written to its end and closed. Never rejects: the stats say what failed.
   */
  kill(by: ControlSource = 'api'): Promise<RecorderStats> {
    if (this.#killed === undefined) {
      if (this.#port.open()) this.#port.note('kill', by);
      this.#paused = true;
      this.#killed = this.#port.kill();
      for (const run of this.#onKill.splice(0)) this.#tell(run);
    }
    return this.#killed;
  }

  /** Calls this when the recording is killed; at once where it is. */
  whenKilled(run: () => void): void {
    if (this.#killed === undefined) this.#onKill.push(run);
    else this.#tell(run);
  }

  #tell(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#port.failed(error);
    }
  }
}

/** A change that was checked; the rules as samplers. */
interface CheckedChange extends Omit<ControlChange, 'rules'> {
  readonly rules?: readonly SamplerRule[] | undefined;
}

/**
 * A change that may have come from anywhere.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
function checkChange(change: unknown): CheckedChange {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    throw invalidOption('control', 'must be an object such as { "ratio": 0.1 }');
  }
  onlyOptions('control', change, changeNames);
  const paused: unknown = 'paused' in change ? change.paused : undefined;
  const ratio: unknown = 'ratio' in change ? change.ratio : undefined;
  if (paused !== undefined && typeof paused !== 'boolean') {
    throw invalidOption('control.paused', `must be true or false, got ${String(paused)}`);
  }
  const rules = checkRules('rules' in change ? change.rules : undefined);
  if (ratio === undefined || ratio === null) return { paused, ratio, rules };
  if (typeof ratio === 'number' && ratio >= 0 && ratio <= 1) return { paused, ratio, rules };
  throw invalidOption('control.ratio', `must be a number from 0 to 1, or null, got ${String(ratio)}`);
}

function checkRules(rules: unknown): readonly SamplerRule[] | undefined {
  if (rules === undefined) return undefined;
  if (rules === null) return [];
  const made = sampleRulesOf(rules, 'control.rules');
  if (made.some(({ outcome }) => outcome !== undefined)) {
    throw invalidOption(
      'control.rules',
      'must go by how exchanges start: outcomes are set as a recorder is made',
    );
  }
  // What the rules say is checked as they are put together.
  sampleBy(made);
  return made;
}

/** The sampler of a recorder, with another share and rules before it. What it keeps by outcome, it goes on to keep. */
function controlledSampler(
  configured: Sampler,
  ratio: number | null,
  rules: readonly SamplerRule[],
): Sampler {
  if (ratio === null && rules.length === 0) return configured;
  const share = ratio === null ? configured : sampleRatio(ratio);
  const unruled: Sampler = { description: share.description, sample: () => Number.NaN };
  const ruled = sampleBy(rules, unruled);
  // To be asked beside it, as one that limits a rate counts what it is asked.
  const isRuled = sampleBy(
    rules.map(({ where }) => ({ where, sampler: always })),
    unruled,
  );
  const { byOutcome } = configured;
  return {
    description: rules.length === 0 ? share.description : ruled.description,
    sample(start, exchange) {
      const rate = ruled.sample(start, exchange);
      return Number.isNaN(rate) ? share.sample(start, exchange) : rate;
    },
    byOutcome: byOutcome && {
      ...byOutcome,
      decide(start, exchange) {
        if (!Number.isNaN(isRuled.sample(start, exchange))) return undefined;
        const decided = byOutcome.decide(start, exchange);
        if (decided === undefined || ratio === null) return decided;
        return { ...decided, otherwise: share.sample(start, exchange) };
      },
    },
  };
}
