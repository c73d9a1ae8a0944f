import {
  type CaptureEvent,
  createRecorder,
  type MemorySink,
  memorySink,
  noMask,
  type Recorder,
} from '@gardenhose/core';

export interface Recording {
  readonly recorder: Recorder;
  readonly sink: MemorySink;
  /** Closes the recorder; what was recorded of the calls, a line for each event. */
  told(): Promise<string[]>;
}

/** A recorder that keeps everything as it was, in memory. */
export function recording(): Recording {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'test', sink, mask: noMask, pipeline: 'inline' });
  return {
    recorder,
    sink,
    async told() {
      await recorder.close();
      return sink.events.flatMap(line);
    },
  };
}

/** One event in a line; those that the recorder makes itself are left out. */
function line(event: CaptureEvent): string[] {
  switch (event.type) {
    case 'start':
      return [`${event.exchange} start ${event.target}`];
    case 'headers':
      return [`${event.exchange} headers ${event.status}`];
    case 'message':
      return [
        `${event.exchange} ${event.side} ${event.index} ${JSON.stringify(Buffer.from(event.data ?? []).toString('latin1'))}`,
      ];
    case 'trailers':
      return [`${event.exchange} trailers ${event.headers[0]} ${event.headers[1]}`];
    case 'end':
      return [`${event.exchange} end ${event.side}${event.complete ? '' : ', not seen whole'}`];
    case 'abort':
      return [`${event.exchange} abort ${event.by} ${event.code}`];
    case 'mark':
      return [`${event.exchange} mark ${event.name} ${event.value}`];
    default:
      return [];
  }
}

/** What is told of a unary call that is answered with what it sent, `hello`. */
export const unaryCall: readonly string[] = [
  '1 start /test.Echo/Unary',
  '1 request 0 "hello"',
  '1 end request',
  '1 headers 200',
  '1 response 0 "hello"',
  '1 trailers grpc-status 0',
  '1 end response',
];
