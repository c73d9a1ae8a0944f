import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { publicNames } from './support/public-names.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const names = (specifier: string) => (publicNames(specifier) ?? []).join('\n');

// What users can import. A change here is a change of the interface: say so in CHANGELOG.md, then run
// `npx vitest run test/api.test.ts -u`.

test('@gardenhose/core exports these names', () => {
  expect(names('@gardenhose/core')).toMatchInlineSnapshot(`
    "AbortEvent
    Answer
    AnswerError
    AnswerHead
    AssembleOptions
    AssembleStats
    Assembler
    AuditEntry
    AuditEvent
    Binding
    BindingCounts
    BindingEnd
    BindingEvidence
    BindingUse
    Bindings
    BodyEvent
    ByteOutput
    Capture
    CaptureCondition
    CaptureEvent
    CaptureFault
    CaptureHeader
    CaptureLosses
    CaptureRange
    CaptureState
    CaptureStream
    CaptureSummary
    CaptureWriter
    CaptureWriterOptions
    ChangedPlace
    Chunk
    ChunkEvent
    Clock
    ClockEvent
    Column
    CompareOptions
    Comparer
    Comparison
    Compression
    Content
    ContentState
    ControlEvent
    CorrelateOptions
    DefaultRuleId
    Difference
    DifferenceGroup
    DifferenceKind
    DifferencePart
    DifferenceSummary
    DifferenceVerdict
    Direction
    DropReason
    DropRule
    EditedMessage
    EndEvent
    EnumType
    Environment
    ErrorCode
    ErrorPlace
    Exchange
    ExchangeCounts
    ExchangeEvent
    ExchangeId
    ExchangeStart
    ExchangeTap
    ExplainOptions
    ExplainedValue
    FakeKind
    Fidelity
    FieldKind
    FieldOption
    FieldType
    FileSinkOptions
    Forecast
    FormatKind
    GapEvent
    GapReason
    GapTally
    GardenhoseError
    GuardOptions
    HeaderList
    HeadersEvent
    Histogram
    HistogramSummary
    HookContext
    HookRule
    JsonObject
    JsonValue
    LaneOrder
    LaneSender
    LateSend
    LaterEvent
    LearnOptions
    ListeningStub
    LivePlan
    LiveValues
    LiveValuesOptions
    Mark
    MarkEvent
    MarkOptions
    MarkRule
    MaskAction
    MaskCaptureOptions
    MaskCaptureResult
    MaskExplanation
    MaskLimits
    Masker
    MaskerOptions
    Match
    MemorySink
    Message
    MessageCoding
    MessageCounts
    MessageEdit
    MessageEvent
    MessageType
    MessageView
    MethodTypes
    MissReason
    NameSuggestion
    NearMiss
    OperationRow
    OriginTlsOptions
    Outcome
    OwnProcessorOption
    Pace
    PaceOptions
    Pacing
    PartKind
    PartialReason
    PatchBodyRule
    PinnedAddresses
    Policy
    PolicyKey
    PolicyName
    PolicyRule
    PolicySuggester
    PolicySummary
    ProtobufType
    Protocol
    ProtocolSenders
    Ramp
    RandomAccess
    ReadCaptureOptions
    ReadMode
    RecordHooks
    RecordHooksModule
    Recorder
    RecorderOptions
    RecorderState
    RecorderStats
    RecoverOptions
    RecoverResult
    RemoveHeaderRule
    ReplayContext
    ReplayHooks
    ReplayOptions
    ReplayOrder
    ReplayPlan
    ReplayProgress
    ReplayResult
    ReplayRun
    ReplayRunOptions
    ReplaySource
    ReplayWindow
    Report
    ReportBuilder
    ReportOptions
    Request
    ResolveHost
    Response
    ResponseHead
    ResumeEvent
    RewriteHostRule
    RewritePathRule
    RewrittenMessage
    RunFacts
    RunSeries
    RunTimer
    SampleRule
    SampledPath
    Sampler
    ScannedExchange
    Schedule
    SchemaEvent
    SchemaFile
    SchemaFormat
    SchemaRegistry
    SchemaSet
    SecretFinding
    SecretScanner
    Selector
    SendTimes
    Sender
    SenderMeasures
    SenderModule
    SenderSource
    SenderTlsOptions
    ServedCall
    SetHeaderRule
    Shipment
    ShipmentHead
    ShipmentPart
    Side
    SignKey
    Sink
    SinkLoss
    SinkModule
    SinkSource
    Stamp
    StartEvent
    StubExhausted
    StubMatch
    StubMiss
    StubOperation
    StubOptions
    StubSource
    StubSourceOptions
    StubSummary
    StubTlsOptions
    SurveyPlace
    SurveyedName
    TapOptions
    TapTarget
    ThreadsOption
    Timing
    TraceSampling
    TrailersEvent
    TranscriptEntry
    UnreadField
    UnreadReason
    Unsendable
    ValuePattern
    ValueShape
    VerifyResult
    ViewMisfitProblem
    ViewOptions
    ViewProblem
    VisitedRequest
    Where
    WireHead
    always
    assemble
    bodyBytes
    byProtocol
    checkRules
    compareExchange
    composeRecordHooks
    composeReplayHooks
    createComparer
    createMasker
    createRecorder
    createSchedule
    defaultRuleIds
    describePacing
    editRecordedMessages
    editSentMessages
    emptyContent
    emptyExchange
    endedByDeadline
    errorCodes
    escapeText
    explainMasking
    fanOutSink
    fileSink
    finishedAt
    gapReasons
    grpcStatusName
    grpcStatusOf
    grpcTimeoutNs
    headerEntries
    headerValue
    headerValues
    inProcessTarget
    isGardenhoseError
    isLoopback
    isMarkedShadow
    isMutation
    isNumberOfToken
    isUnsendable
    keyNote
    learnBindings
    maskCapture
    maskExchange
    matchesGlob
    memorySink
    never
    noMask
    nullSink
    openCapture
    operationOf
    outlineSchema
    parseBindings
    parseHeaderLines
    parseHeaderRule
    parseHookRules
    parseWireHead
    planReplay
    printBindings
    rateLimited
    readCapture
    readPolicyFile
    readSchemas
    recordRules
    recordRulesModule
    recoverCapture
    renderHtml
    renderReport
    renderStubSummary
    replay
    replayCapture
    replayExchanges
    replayRules
    rewriteMessage
    sampleBy
    sampleRatio
    schemaLimits
    splitTarget
    streamSink
    systemClock
    textTable
    tokenType
    unknownHeadersText
    verifyCapture
    viewMessage
    wireStatus
    withHeader
    withoutHeader"
  `);
});

test('@gardenhose/core/adapter exports these names', () => {
  expect(names('@gardenhose/core/adapter')).toMatchInlineSnapshot(`
    "MalformedWire
    ResolvedTapOptions
    SenderSetup
    Stub
    StubAnswer
    StubRequest
    StubStep
    both
    boundAddress
    dialOptions
    eachField
    flagOption
    inflateMessage
    invalidOption
    isOutOfOrder
    isSenderSetup
    isSocketPath
    listenOn
    onlyOptions
    openStub
    originOption
    originTls
    refuseSenderSettings
    reportFailure
    resolveTapOptions
    senderTlsNames
    stopListening
    tellWireHead
    textAt
    tlsOptions
    wholeOption
    wire
    withCertificate"
  `);
});

test('@gardenhose/core/testing exports these names', () => {
  expect(names('@gardenhose/core/testing')).toMatchInlineSnapshot(`
    "ContractCase
    ExchangeEventsOptions
    ExchangeKind
    ManualClock
    MemoryAnswer
    MemorySender
    MemorySending
    SenderUnderTest
    SinkUnderTest
    aCaptureHeader
    aChunk
    aSchema
    aStart
    anExchange
    assembleAll
    exchangeEvents
    exchangeKinds
    interleave
    maskerContract
    senderContract
    sinkContract"
  `);
});

test('@gardenhose/http-adapter exports these names', () => {
  expect(names('@gardenhose/http-adapter')).toMatchInlineSnapshot(`
    "Detach
    FastifyTap
    HttpReplayOptions
    HttpStub
    HttpStubOptions
    InProcessApp
    InProcessOptions
    OriginTlsOptions
    ProxyCounts
    RecordingProxy
    RecordingProxyOptions
    ReplaySource
    ReplayTarget
    RequestListener
    SenderOptions
    SenderTlsOptions
    StubTlsOptions
    TapOptions
    attach
    createInProcessSender
    createRecordingProxy
    createSender
    createStub
    expressTap
    fastifyTap
    honoTap
    koaTap
    markExchange
    replay
    tapExchange
    tapServer"
  `);
});

test('@gardenhose/grpc-adapter exports these names', () => {
  expect(names('@gardenhose/grpc-adapter')).toMatchInlineSnapshot(`
    "AttachOptions
    ChannelTapOptions
    Detach
    GrpcLibrary
    GrpcReplayOptions
    GrpcStub
    GrpcStubOptions
    OriginTlsOptions
    ProtoOptions
    ProxyCounts
    RecordingProxy
    RecordingProxyOptions
    ReplaySource
    ReplayTarget
    SenderOptions
    SenderTlsOptions
    ServerSchemasOptions
    ServerTapOptions
    StubTlsOptions
    TapOptions
    attach
    createRecordingProxy
    createSender
    createStub
    isGrpcContentType
    replay
    schemasFromFile
    schemasFromProto
    schemasFromServer
    tapChannel
    tapServer"
  `);
});

test('the built packages have the values that their sources name', async () => {
  for (const [specifier, module] of [
    ['@gardenhose/core', await import('@gardenhose/core')],
    ['@gardenhose/core/adapter', await import('@gardenhose/core/adapter')],
    ['@gardenhose/core/testing', await import('@gardenhose/core/testing')],
    ['@gardenhose/http-adapter', await import('@gardenhose/http-adapter')],
    ['@gardenhose/grpc-adapter', await import('@gardenhose/grpc-adapter')],
  ] as const) {
    const built = Object.keys(module);
    expect(built.length).toBeGreaterThan(0);
    expect(publicNames(specifier)).toEqual(expect.arrayContaining(built));
  }
});

test('every exported option is documented where it is declared', () => {
  const undocumented: string[] = [];
  const sources = ['core', 'http-adapter', 'grpc-adapter'].flatMap((name) => {
    const src = join(root, 'packages', name, 'src');
    return readdirSync(src, { recursive: true, encoding: 'utf8' }).map((path) => join(src, path));
  });
  const exported = [
    ...(publicNames('@gardenhose/core') ?? []),
    ...(publicNames('@gardenhose/http-adapter') ?? []),
    ...(publicNames('@gardenhose/grpc-adapter') ?? []),
  ];
  let checked = 0;
  for (const path of sources.filter((source) => source.endsWith('.ts'))) {
    const source = readFileSync(path, 'utf8');
    for (const [, name = '', body = ''] of source.matchAll(
      /^export interface (\w+Options)\b[^{]*\{\n([\s\S]*?)^\}/gm,
    )) {
      if (!exported.includes(name)) continue;
      const lines = body.split('\n');
      for (const [index, line] of lines.entries()) {
        const member = /^ {2}(?:readonly )?(\w+)\??[:(]/.exec(line)?.[1];
        if (member === undefined) continue;
        checked++;
        if (!lines[index - 1]?.trimEnd().endsWith('*/')) {
          undocumented.push(`${relative(root, path)}: ${name}.${member}`);
        }
      }
    }
  }
  expect(checked).toBeGreaterThan(30);
  expect(undocumented).toEqual([]);
});
