// The public names, in the order of the flow.

// tap
export type { AttachOptions } from './attach.ts';
export { attach } from './attach.ts';
export type { Detach, ServerTapOptions } from './tap-server.ts';
export { tapServer } from './tap-server.ts';
export type { ChannelTapOptions } from './tap-channel.ts';
export { tapChannel } from './tap-channel.ts';
export type { TapOptions } from './options.ts';
