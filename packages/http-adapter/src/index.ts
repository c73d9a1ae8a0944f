// The public names, in the order of the flow.

// tap
export type { AttachOptions } from './attach.ts';
export { attach } from './attach.ts';
export type { Detach, NodeServer } from './tap-server.ts';
export { tapServer } from './tap-server.ts';
export type { NodeRequest, NodeResponse } from './tap-exchange.ts';
export { markExchange, tapExchange } from './tap-exchange.ts';
export { tapClients } from './tap-client.ts';
export type { FastifyTap } from './middleware.ts';
export { expressTap, fastifyTap, honoTap, koaTap } from './middleware.ts';
export type { ClientTapOptions, TapOptions } from '@gardenhose/core';
export type { ProxyCounts, RecordingProxy, RecordingProxyOptions } from './proxy.ts';
export { createRecordingProxy } from './proxy.ts';

// control
export type { ControlActions, ControlEndpoint, ControlEndpointOptions } from './control-endpoint.ts';
export { controlAddress, openControlEndpoint } from './control-endpoint.ts';
export type { ControlledRecorder } from './control-recorder.ts';
export { controlRecorder } from './control-recorder.ts';

// shadow
export type { PropagateTo, Shadow, ShadowTrust } from '@gardenhose/core';
export { isShadow, shadowOf, unlessShadow } from '@gardenhose/core';
export type { AttachShadowOptions, FastifyShadow } from './shadow.ts';
export { attachShadow, expressShadow, fastifyShadow, honoShadow, koaShadow } from './shadow.ts';
export type { PropagateShadowOptions } from './shadow-outbound.ts';
export { propagateShadow } from './shadow-outbound.ts';

// sender
export type { OriginTlsOptions, SenderTlsOptions } from '@gardenhose/core';
export type { SenderOptions } from './sender.ts';
export { createSender } from './sender.ts';
export type { InProcessApp, InProcessOptions, RequestListener } from './in-process.ts';
export { createInProcessSender } from './in-process.ts';
export type { ReplaySource } from '@gardenhose/core';
export type { HttpReplayOptions, ReplayTarget } from './replay.ts';
export { replay } from './replay.ts';

// stub
export type { StubTlsOptions } from '@gardenhose/core';
export type { HttpStub, HttpStubOptions } from './stub.ts';
export { createStub } from './stub.ts';
