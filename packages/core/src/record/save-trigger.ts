/** Asks a sink that keeps the last of a recording to save it. */
export interface SaveTrigger {
  /** Why, in words without recorded values. It stands in the header of the saved file. */
  readonly reason: string;
  /** In nanoseconds since the capture's anchor. */
  readonly at: number;
  /** Whether to save also shortly after the last time: nothing can be saved later. */
  readonly urgent: boolean;
}

/** What a sink has saved on triggers. */
export interface SaveStats {
  readonly files: number;
  /** Triggers that came too soon after the last one. */
  readonly suppressed: number;
  readonly failed: number;
  readonly lastFile: string | undefined;
}

export const noSaves: SaveStats = { files: 0, suppressed: 0, failed: 0, lastFile: undefined };

/** What happens to the process that a recording is to be saved at. */
export interface ProcessTriggers {
  /** An error that nothing has caught. */
  readonly exceptions: boolean;
  readonly signals: readonly NodeJS.Signals[];
}

const longestReason = 256;

/** As it may stand in a header: on one line, and not long. */
export function reasonText(reason: unknown): string {
  const text = typeof reason === 'string' && reason !== '' ? reason : 'called';
  return text.slice(0, longestReason).replace(/\p{Cc}/gu, ' ');
}
