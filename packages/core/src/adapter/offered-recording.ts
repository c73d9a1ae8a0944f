import type { TapTarget } from '../record/exchange-tap.ts';

/** The recording that one adapter has started for a process without code, for others to add to. */
export interface OfferedRecording {
  readonly target: TapTarget;
  readonly recordShadow: boolean;
  readonly parents: boolean;
  readonly outbound: boolean;
}

/** One for the thread, whichever copies of the library are in it. */
const sharedKey = Symbol.for('gardenhose.recording/1');

export function offerRecording(recording: OfferedRecording): void {
  Object.defineProperty(globalThis, sharedKey, { value: recording, configurable: true });
}

/** Undefined where none was started. */
export function offeredRecording(): OfferedRecording | undefined {
  const offered: unknown = Reflect.get(globalThis, sharedKey);
  return isRecording(offered) ? offered : undefined;
}

function isRecording(value: unknown): value is OfferedRecording {
  return typeof value === 'object' && value !== null && 'target' in value && 'outbound' in value;
}
