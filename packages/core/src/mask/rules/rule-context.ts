import type { Direction, Protocol } from '../../model/event.ts';

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

/** For texts that belong to no exchange: only rules without conditions on it are for them. */
export const anyExchange: RuleContext = {
  direction: 'inbound',
  part: 'request',
  protocol: 'http',
  method: '',
  host: '',
  path: '',
  contentType: '',
};
