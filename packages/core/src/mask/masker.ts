import type { PolicySummary } from '../model/capture-header.ts';
import type { CaptureEvent, ExchangeEvent } from '../model/event.ts';

/**
 * Takes the raw events of a capture one by one, in order, and gives back those that may be kept. Body chunks come back
 * at once without their bytes; the masked bytes follow in a `body` event when their mask unit is whole. An `audit`
 * event comes before the last event of each exchange. Never throws: what it cannot mask it drops, and says so.
 */
export interface Masker {
  readonly summary: PolicySummary;
  mask(event: CaptureEvent): readonly CaptureEvent[];
  /**
   * An event that was masked and that a hook then changed or made, with what it brought in masked: by names and detectors in
   * heads and notes, and messages of gRPC calls as before. Headers of unknown names are left to the detectors; bodies and messages of
   * WebSockets are not looked at. Undefined for a note that cannot be masked.
   */
  again?(event: ExchangeEvent): ExchangeEvent | undefined;
  /** A keyed token of this value, which nobody without the key can undo: the same for the same value and type. */
  token?(type: string, value: string): string;
  /** Forgets the values it remembered. Nothing is masked after it. */
  close?(): void;
}

/** Lets everything through. Only for captures whose header says `none`, and for tests. */
export const noMask: Masker = {
  summary: { mode: 'none', name: 'none', digest: '', keyId: '', disabled: [] },
  mask: (event) => [event],
};
