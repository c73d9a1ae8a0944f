// The public names, in the order of the flow.

// tap
export type { AttachOptions } from './attach.ts';
export { attach } from './attach.ts';
export type { Detach, ServerTapOptions } from './tap-server.ts';
export { tapServer } from './tap-server.ts';
export type { ChannelTapOptions } from './tap-channel.ts';
export { tapChannel } from './tap-channel.ts';
export type { ClientTapOptions, TapOptions } from '@gardenhose/core';

// proxy
export type { OriginTlsOptions } from '@gardenhose/core';
export type { ProxyCounts, RecordingProxy, RecordingProxyOptions } from './proxy.ts';
export { createRecordingProxy } from './proxy.ts';
export { isGrpcContentType } from './content-type.ts';

// shadow
export type { PropagateTo, Shadow, ShadowTrust } from '@gardenhose/core';
export { isShadow, shadowOf, unlessShadow } from '@gardenhose/core';
export type { AttachShadowOptions } from './shadow.ts';
export { attachShadow, withShadow } from './shadow.ts';
export type { PropagateShadowOptions } from './shadow-outbound.ts';
export { propagateShadow } from './shadow-outbound.ts';

// sender
export type { SenderTlsOptions } from '@gardenhose/core';
export type { SenderOptions } from './sender.ts';
export { createSender } from './sender.ts';
export type { ReplaySource } from '@gardenhose/core';
export type { GrpcReplayOptions, ReplayTarget } from './replay.ts';
export { replay } from './replay.ts';

// schemas
export type { GrpcLibrary } from './library.ts';
export { schemasFromFile } from './schemas/from-file.ts';
export type { ProtoOptions } from './schemas/from-proto.ts';
export { schemasFromProto } from './schemas/from-proto.ts';
export type { ServerSchemasOptions } from './schemas/from-server.ts';
export { schemasFromServer } from './schemas/from-server.ts';

// stub
export type { StubTlsOptions } from '@gardenhose/core';
export type { GrpcStub, GrpcStubOptions } from './stub.ts';
export { createStub } from './stub.ts';
