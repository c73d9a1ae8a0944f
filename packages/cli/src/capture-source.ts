import {
  assemble,
  type Capture,
  type CaptureCondition,
  type CaptureHeader,
  type Exchange,
  type GapEvent,
  openCapture,
} from '@gardenhose/core';
import { openInput } from './capture-input.ts';
import type { Io } from './io.ts';

/** A capture to replay. */
export interface CaptureSource extends AsyncDisposable {
  readonly header: CaptureHeader;
  /** Whether it can be read more than once. */
  readonly again: boolean;
  /** `onGap` is told what is missing between them. */
  exchanges(onGap?: (gap: GapEvent) => void): AsyncIterable<Exchange>;
  condition(): CaptureCondition;
}

/**
 * Opens a capture for replay: a file, which can be read again, or standard input, which cannot. A cut end is accepted;
 * damage before it is an error, since what is missing would change what is replayed.
 */
export async function openSource(path: string, io: Io): Promise<CaptureSource> {
  if (path === '-') {
    const { header, events, condition } = await openInput(path, io, 'tail');
    return {
      header,
      again: false,
      exchanges: (onGap) => assemble(events, { onGap }),
      condition,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const capture: Capture = await openCapture(path);
  return {
    header: capture.header,
    again: true,
    exchanges: (onGap) => capture.exchanges({}, { onGap }),
    condition: () => capture.condition(),
    [Symbol.asyncDispose]: () => capture.close(),
  };
}
