import type { ErrorCode, GuardOptions, MirrorSource, MirrorStats, Report } from '@gardenhose/core';

/** What the thread of a mirror is started with. */
export interface MirrorThreadStart {
  readonly source: MirrorSource;
  readonly to: string;
  readonly guard: GuardOptions;
  readonly delayMs: number | undefined;
}

/** What it tells: first `ready` or `failed`, and one of the others in the end. */
export type FromMirrorThread =
  | { readonly type: 'ready' }
  | { readonly type: 'report'; readonly report: Report; readonly stats: MirrorStats }
  | { readonly type: 'failed'; readonly code: ErrorCode | undefined; readonly message: string };
