// The public names, in the order of the flow.

// tap
export type { Detach } from './tap-server.ts';
export { tapServer } from './tap-server.ts';
export type { TapOptions } from './options.ts';
