// What adapters need besides what everybody does. Not for applications: it may change with any version.

export { parseSaveOn } from '../capture/save-on.ts';
export { canonicalHost } from '../model/address.ts';
export { isServerFault } from '../model/grpc-status.ts';
export { boundAddress, listenAddress } from '../model/listen-address.ts';
export { nameCache } from '../model/name-cache.ts';
export { onlyOptions } from '../model/option-names.ts';
export { flagOption, invalidOption, originOption, wholeOption } from '../model/option-values.ts';
export { eachField, textAt } from '../protobuf/descriptor-reader.ts';
export { MalformedWire, wire } from '../protobuf/wire.ts';
export { beginInbound, enterNone, parentOf } from '../record/causes.ts';
export { inflateMessage } from '../record/inflate-message.ts';
export { InflateWindows } from '../record/inflate-windows.ts';
export { isSampleKey } from '../record/sampler.ts';
export type { SamplingSettings } from '../record/sampling-settings.ts';
export { parseSampleRules, samplerOf } from '../record/sampling-settings.ts';
export { parseLane } from '../record/session-lane.ts';
export { toStandardError } from '../record/standard-error.ts';
export { isOutOfOrder, reportFailure } from '../record/tap-failures.ts';
export type { ResolvedTapOptions } from '../record/tap-options.ts';
export { resolveTapOptions } from '../record/tap-options.ts';
export { both, tellWireHead } from '../record/two-recorders.ts';
export { untilKilled } from '../record/until-killed.ts';
export { dialOptions, tlsOptions } from '../replay/dial.ts';
export type { SenderSetup } from '../replay/sender-setup.ts';
export { originTls, refuseSenderSettings, senderSetup, senderTlsNames } from '../replay/sender-setup.ts';
export { isSocketPath } from '../replay/target-kind.ts';
export { currentMarks, enterMarks, runWithMarks } from '../shadow/context.ts';
export { propagatesTo } from '../shadow/propagate.ts';
export type { TrustMarks } from '../shadow/trust.ts';
export { trustMarks, trustNames } from '../shadow/trust.ts';
export type { ShadowMarks } from '../shadow/wire-marks.ts';
export {
  baggageWithoutMarks,
  hasMarks,
  marksToPassOn,
  shadowBaggage,
  shadowHeaderNames,
} from '../shadow/wire-marks.ts';
export { openStub } from '../stub/open-stub.ts';
export type { StubStep } from '../stub/script.ts';
export { Stub } from '../stub/stub.ts';
export type { StubAnswer, StubRequest } from '../stub/stub-call.ts';
export type { Claimed } from './claimed-servers.ts';
export { claimServer, isClaimed } from './claimed-servers.ts';
export { listenOn, stopListening, withCertificate } from './listening.ts';
export type { OfferedRecording } from './offered-recording.ts';
export { offeredRecording, offerRecording } from './offered-recording.ts';
export { replayThrough } from './replay-through.ts';
