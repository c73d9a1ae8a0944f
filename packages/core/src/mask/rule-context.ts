import type { Direction, Protocol } from '../model/event.ts';

/** What `when` conditions are about. */
export interface RuleContext {
  readonly direction: Direction;
  readonly part: 'request' | 'response';
  readonly protocol: Protocol;
  readonly method: string;
  readonly host: string;
  /** Without query. */
  readonly path: string;
  /** Without parameters, in lower case. */
  readonly contentType: string;
}
