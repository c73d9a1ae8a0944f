// The public names, in the order of the flow.

export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export type { ErrorCode, ErrorPlace } from './errors.ts';
export { errorCodes, GardenhoseError, isGardenhoseError } from './errors.ts';
