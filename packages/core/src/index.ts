// The public names, in the order of the flow.

export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export type { ErrorCode, ErrorPlace } from './errors.ts';
export { errorCodes, GardenhoseError, isGardenhoseError } from './errors.ts';

// model
export type { AssembleOptions, AssembleStats } from './model/assemble.ts';
export { Assembler, assemble } from './model/assemble.ts';
export type { CaptureHeader, MergedFrom, PolicySummary, SavedBecause } from './model/capture-header.ts';
export type {
  AbortEvent,
  AuditEntry,
  AuditEvent,
  BodyEvent,
  CaptureEvent,
  ChunkEvent,
  ClockEvent,
  ContentState,
  ControlEvent,
  Direction,
  EndEvent,
  ExchangeEvent,
  ExchangeId,
  ExchangeStart,
  GapEvent,
  GapReason,
  HeadersEvent,
  MarkEvent,
  MessageEvent,
  Protocol,
  ResumeEvent,
  SchemaEvent,
  SchemaFormat,
  Side,
  Stamp,
  StartEvent,
  TrailersEvent,
} from './model/event.ts';
export { gapReasons } from './model/event.ts';
export { isLoopback } from './model/address.ts';
export type {
  Chunk,
  Content,
  Exchange,
  Mark,
  Message,
  PartialReason,
  Request,
  Response,
  ResponseHead,
} from './model/exchange.ts';
export { bodyBytes, emptyContent, emptyExchange } from './model/exchange.ts';
export { endedByDeadline, grpcStatusName, grpcStatusOf, grpcTimeoutNs } from './model/grpc-status.ts';
export type { HeaderList } from './model/headers.ts';
export type { ServerSentEvent } from './model/server-sent-events.ts';
export { isEventStream, serverSentEvents } from './model/server-sent-events.ts';
export { headerEntries, headerValue, headerValues, withHeader, withoutHeader } from './model/headers.ts';
export type { JsonObject, JsonValue } from './model/json-value.ts';
export { operationOf } from './model/operation.ts';
export type { KeySource } from './model/key-source.ts';
export { SchemaSet, schemaLimits } from './model/schema-set.ts';

// shadow
export type { Shadow } from './shadow/context.ts';
export { isShadow, shadowOf, unlessShadow } from './shadow/context.ts';
export type { PropagateTo } from './shadow/propagate.ts';
export type { SignKey } from './shadow/signature.ts';
export type { ShadowTrust } from './shadow/trust.ts';
export { isMarkedShadow } from './shadow/wire-marks.ts';

// protobuf
export type { MessageType } from './protobuf/descriptor.ts';
export type { EnumType } from './protobuf/enum-type.ts';
export type { FieldKind, FieldOption, FieldType, ProtobufType } from './protobuf/field-type.ts';
export type { MessageView, ViewOptions, ViewProblem } from './protobuf/message-view.ts';
export { viewMessage } from './protobuf/message-view.ts';
export type { UnreadField, UnreadReason } from './protobuf/message-viewer.ts';
export type { RewrittenMessage, ViewMisfitProblem } from './protobuf/rewrite-message.ts';
export { rewriteMessage } from './protobuf/rewrite-message.ts';
export type { MethodTypes } from './protobuf/schema-registry.ts';
export type { SchemaFile } from './protobuf/schema-outline.ts';
export { outlineSchema } from './protobuf/schema-outline.ts';
export { SchemaRegistry } from './protobuf/schema-registry.ts';

// mask
export type { ChangedPlace } from './mask/tools/changed-places.ts';
export type { MaskerOptions } from './mask/create-masker.ts';
export { createMasker } from './mask/create-masker.ts';
export type { DefaultRuleId } from './mask/policy/default-policy.ts';
export { defaultRuleIds } from './mask/policy/default-policy.ts';
export type { ExplainedValue, ExplainOptions, MaskExplanation } from './mask/tools/explain.ts';
export { explainMasking } from './mask/tools/explain.ts';
export { maskExchange } from './mask/mask-exchange.ts';
export type { Masker } from './mask/masker.ts';
export { noMask } from './mask/masker.ts';
export type { SurveyedName, SurveyPlace } from './mask/tools/name-survey.ts';
export type {
  FakeKind,
  FormatKind,
  MaskAction,
  MaskLimits,
  Match,
  Policy,
  PolicyName,
  PolicyRule,
  Selector,
  ValuePattern,
} from './mask/policy/policy.ts';
export { readPolicyFile } from './mask/policy/policy-file.ts';
export type { ScannedExchange, SecretFinding } from './mask/tools/secret-scanner.ts';
export { SecretScanner } from './mask/tools/secret-scanner.ts';
export type { NameSuggestion } from './mask/tools/suggest.ts';
export { PolicySuggester } from './mask/tools/suggest.ts';
export { isNumberOfToken } from './mask/value/token-number.ts';
export { tokenType } from './mask/value/tokens.ts';
export type { ValueShape } from './mask/tools/value-shape.ts';

// hook
export { checkRules, parseHeaderRule, parseHookRules } from './hook/check-rules.ts';
export { composeRecordHooks, composeReplayHooks } from './hook/compose.ts';
export type { EditedMessage, MessageEdit } from './hook/edit-messages.ts';
export { editRecordedMessages, editSentMessages } from './hook/edit-messages.ts';
export type {
  HookContext,
  LaterEvent,
  Outcome,
  RecordHooks,
  ReplayContext,
  ReplayHooks,
} from './hook/hook.ts';
export { matchesGlob, splitTarget } from './hook/path-pattern.ts';
export { recordRules } from './hook/record-rules.ts';
export { replayRules } from './hook/replay-rules.ts';
export { recordRulesModule } from './hook/rules-module.ts';
export type {
  DropRule,
  HookRule,
  MarkRule,
  PatchBodyRule,
  RemoveHeaderRule,
  RewriteHostRule,
  RewritePathRule,
  SampleRule,
  SetHeaderRule,
  Where,
} from './hook/rule.ts';

// record
export type {
  ControlChange,
  ControlRule,
  ControlSource,
  ControlState,
  RecorderControl,
} from './record/control.ts';
export type { ExchangeTap, TapTarget } from './record/exchange-tap.ts';
export type { MessageCoding } from './record/inflate-message.ts';
export { fanOutSink } from './record/fan-out-sink.ts';
export type { MemorySink } from './record/memory-sink.ts';
export { memorySink } from './record/memory-sink.ts';
export { nullSink } from './record/null-sink.ts';
export type { RecordHooksModule } from './record/open-pipeline.ts';
export type { Recorder } from './record/recorder.ts';
export { createRecorder } from './record/recorder.ts';
export type { ExportMetricsOptions, MetricsMeter } from './record/export-metrics.ts';
export { exportMetrics } from './record/export-metrics.ts';
export type { NewsLog, RecorderNews } from './record/recorder-news.ts';
export { newsChannel } from './record/recorder-news.ts';
export type { RecorderOptions } from './record/recorder-options.ts';
export type { DropReason, RecorderState, RecorderStats } from './record/recorder-stats.ts';
export type { OutcomeSampling, OutcomeShares, SampledOutcome } from './record/outcome.ts';
export type { SampleByOptions, SamplerRule } from './record/sample-rules.ts';
export { sampleBy } from './record/sample-rules.ts';
export type { SampleKey, Sampler, SampleRatioOptions } from './record/sampler.ts';
export { always, never, rateLimited, sampleRatio } from './record/sampler.ts';
export type { ProcessTriggers, SaveStats, SaveTrigger } from './record/save-trigger.ts';
export type { LaneFunction, LaneKey } from './record/session-lane.ts';
export type { ShedOptions } from './record/shedding.ts';
export type { Sink, SinkLoss, SinkModule, SinkSource } from './record/sink.ts';
export type { ClientTapOptions, TapOptions } from './record/tap-options.ts';
export { unknownHeadersText } from './record/unknown-names.ts';
export type { WireHead } from './record/wire-head.ts';
export { parseHeaderLines, parseWireHead, wireStatus } from './record/wire-head.ts';

// capture
export type { Compression } from './capture/codec.ts';
export type { CaptureKey } from './capture/encryption-key.ts';
export { captureKeyOf } from './capture/encryption-key.ts';
export type { CaptureCondition, CaptureFault, CaptureState, ReadMode } from './capture/condition.ts';
export type { FlightSinkOptions } from './capture/flight-sink.ts';
export { flightSink } from './capture/flight-sink.ts';
export type { FlightTrigger } from './capture/flight-triggers.ts';
export type { FileSinkOptions } from './capture/file-sink.ts';
export { fileSink } from './capture/file-sink.ts';
export type { ByteOutput } from './capture/frame-writer.ts';
export type { MaskCaptureOptions, MaskCaptureResult } from './capture/mask-capture.ts';
export { maskCapture } from './capture/mask-capture.ts';
export type { Capture, CaptureRange, CaptureSummary } from './capture/open-capture.ts';
export { openCapture } from './capture/open-capture.ts';
export type { ClockFinding } from './capture/clock-corrections.ts';
export type {
  MergeCapturesOptions,
  MergeCapturesResult,
  MergedRecording,
} from './capture/merge-captures.ts';
export { mergeCaptures } from './capture/merge-captures.ts';
export { mergeNote } from './capture/merge-header.ts';
export type { CreateMirrorOptions, Mirror } from './capture/mirror.ts';
export { createMirror, readMirror } from './capture/mirror.ts';
export type { MirrorSource } from './capture/mirror-source.ts';
export type { MergedCapture, MergedCaptureSource } from './capture/open-captures.ts';
export { openCaptures } from './capture/open-captures.ts';
export type { RandomAccess } from './capture/random-access.ts';
export type { CaptureStream, ReadCaptureOptions } from './capture/read-capture.ts';
export { readCapture } from './capture/read-capture.ts';
export { readSchemas } from './capture/read-schemas.ts';
export type { RetainOptions } from './capture/retention.ts';
export type { RewriteOptions, RewriteResult } from './capture/rewrite-capture.ts';
export { selectExchanges } from './capture/select-exchanges.ts';
export type { RecoverResult } from './capture/recover-capture.ts';
export { recoverCapture } from './capture/recover-capture.ts';
export type { StreamSinkOptions } from './capture/stream-sink.ts';
export type { SliceOptions, SliceResult } from './capture/slice-capture.ts';
export { sliceCapture } from './capture/slice-capture.ts';
export { streamSink } from './capture/stream-sink.ts';
export type { VerifyResult } from './capture/verify-capture.ts';
export { verifyCapture } from './capture/verify-capture.ts';
export { CaptureWriter } from './capture/writer.ts';
export type { CaptureWriterOptions } from './capture/writer-options.ts';

// correlate
export type { Binding, BindingEnd, BindingEvidence, Bindings } from './correlate/binding.ts';
export { parseBindings, printBindings } from './correlate/bindings-file.ts';
export type { LearnOptions } from './correlate/learn.ts';
export { learnBindings } from './correlate/learn.ts';
export type { Explanation, LiveNames } from './correlate/live-names.ts';
export type { BindingUse, LiveMoments, LivePlan, LiveValuesOptions } from './correlate/live-values.ts';
export { LiveValues } from './correlate/live-values.ts';
export type { VisitedRequest } from './correlate/exchange-leaves.ts';

export type { TimeShiftCounts, TimeShiftOptions } from './correlate/time-shift.ts';
export { TimeShift } from './correlate/time-shift.ts';
export type { WebTokenKey } from './correlate/web-token.ts';

// replay
export type { BreakerLimits, BreakerOptions } from './replay/breaker.ts';
export type { ReplayBudget } from './replay/budget.ts';
export { withoutCredentials } from './replay/credentials.ts';
export type { ProtocolSenders } from './replay/by-protocol.ts';
export { byProtocol } from './replay/by-protocol.ts';
export type { GuardOptions } from './replay/guard.ts';
export { isMutation } from './replay/guard.ts';
export type { MarkOptions } from './replay/mark-options.ts';
export type { MirroredExchanges, MirrorOptions, MirrorStats } from './replay/mirror-exchanges.ts';
export { mirrorExchanges } from './replay/mirror-exchanges.ts';
export type { ReplayOptions } from './replay/options.ts';
export type { ReplayOrder } from './replay/order.ts';
export { finishedAt } from './replay/order.ts';
export type { OwnProcessorOption } from './replay/own-processor.ts';
export type { PinnedAddresses } from './replay/pinned-addresses.ts';
export type { ReplayPlan } from './replay/plan.ts';
export { planReplay } from './replay/plan.ts';
export type { Pacing } from './replay/pacing.ts';
export { describePacing } from './replay/pacing.ts';
export type { ReplayProgress, StopReason } from './replay/progress.ts';
export type { RunSafety } from './replay/safety.ts';
export type { ReplayRun } from './replay/replay-exchanges.ts';
export { replayExchanges } from './replay/replay-exchanges.ts';
export type { ResolveHost } from './replay/resolve-host.ts';
export type { Forecast, Pace, PaceOptions, Ramp, ReplayWindow, Schedule } from './replay/schedule.ts';
export { createSchedule } from './replay/schedule.ts';
export type {
  Answer,
  AnswerError,
  AnswerChunk,
  AnswerHead,
  LaneSender,
  PartKind,
  RunTimer,
  Sender,
  SenderMeasures,
  SenderModule,
  SenderSource,
  Shipment,
  ShipmentHead,
  ShipmentPart,
  Unsendable,
} from './replay/sender.ts';
export { isUnsendable } from './replay/sender.ts';
export type { OriginTlsOptions, SenderTlsOptions } from './replay/sender-setup.ts';
export { inProcessTarget } from './replay/target-kind.ts';
export type { TraceSampling } from './replay/trace-parent.ts';
export type { ThreadsOption } from './replay/threads.ts';
export type { ReplayResult, TranscriptEntry } from './replay/transcript.ts';

// compare
export type { Comparer } from './compare/compare.ts';
export { compareExchange, createComparer } from './compare/compare.ts';
export type {
  Comparison,
  Difference,
  DifferenceKind,
  DifferencePart,
  DifferenceVerdict,
} from './compare/difference.ts';
export { keyNote } from './compare/key-note.ts';
export type { CompareOptions } from './compare/options.ts';

// stub
export type { StubSource, StubSourceOptions } from './stub/open-stub.ts';
export type { ListeningStub, StubTlsOptions } from './stub/listening-stub.ts';
export type { ServedCall, StubExhausted, StubMatch, StubOptions } from './stub/options.ts';
export type { MissReason, NearMiss, StubMiss, StubOperation, StubSummary } from './stub/summary.ts';

// report
export type { DifferenceGroup, DifferenceSummary } from './report/difference-table.ts';
export { escapeText } from './report/escape-text.ts';
export type { CaptureLosses } from './report/gap-tally.ts';
export { GapTally } from './report/gap-tally.ts';
export type { HistogramSummary } from './report/histogram.ts';
export { Histogram } from './report/histogram.ts';
export type { LaneOrder } from './report/lane-order.ts';
export { renderHtml } from './report/html/render-html.ts';
export { parseReport } from './report/parse-report.ts';
export { renderStubSummary } from './report/render-stub.ts';
export { renderReport } from './report/render-text.ts';
export type {
  BindingCounts,
  Environment,
  ExchangeCounts,
  Fidelity,
  MessageCounts,
  OperationRow,
  Report,
  RunFacts,
  Timing,
} from './report/report.ts';
export type { LiveCounts, ReportOptions } from './report/report-builder.ts';
export { ReportBuilder } from './report/report-builder.ts';
export type { LateSend, SendTimes } from './report/send-sample.ts';
export type { Column } from './report/text-table.ts';
export { textTable } from './report/text-table.ts';
export type { RunSeries } from './report/time-series.ts';

// minimise
export type { Minimised, MinimiseOptions, MinimiseTrial } from './minimise/minimise.ts';
export { minimise } from './minimise/minimise.ts';

// the whole of a replay
export type { CorrelateOptions, ReplayRunOptions, ReplaySource } from './run.ts';
export { replay, replayCapture } from './run.ts';
