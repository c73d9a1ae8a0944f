import {
  assemble,
  type Capture,
  type CaptureCondition,
  type CaptureEvent,
  type CaptureHeader,
  type Exchange,
  type GapEvent,
  GardenhoseError,
  type MirroredExchanges,
  type MirrorOptions,
  type MirrorStats,
  mirrorExchanges,
  openCapture,
  openCaptures,
  type Protocol,
  readSchemas,
  SchemaSet,
} from '@gardenhose/core';
import { inputName, openInput } from './capture-input.ts';
import type { Io } from './io.ts';

/** A capture to replay, or several as one. */
export interface CaptureSource extends AsyncDisposable {
  /** How messages call it. */
  readonly name: string;
  readonly header: CaptureHeader;
  /** Whether it can be read more than once. */
  readonly again: boolean;
  /** `onGap` is told what is missing between them. */
  exchanges(onGap?: (gap: GapEvent) => void): AsyncIterable<Exchange>;
  condition(): CaptureCondition;
  /** What the mirror did, where there is one. */
  mirrored(): MirrorStats | undefined;
  /** Of each file. */
  conditions(): readonly FileCondition[];
  /** What must be known before anything is sent; of what can be read only once, nothing is. */
  contents(): Promise<CaptureContents>;
}

/** How a file was found to be. */
export interface FileCondition {
  readonly path: string;
  readonly condition: CaptureCondition;
}

/** What a capture holds, as far as it bears on how it is sent. */
export interface CaptureContents {
  /** What may be in it. */
  readonly protocols: ReadonlySet<Protocol>;
  /** Of messages. Of what can be read only once, those that came by so far. */
  readonly schemas: Uint8Array[];
}

/**
 * Opens a capture for replay: a file, which can be read again, or standard input, which cannot. A cut end is accepted;
 * damage before it is an error, since what is missing would change what is replayed.
 *
 * @param mirror - How to mirror standard input, a recording that goes on. Default not: it is a capture like any other
 */
export async function openSource(
  path: string,
  io: Io,
  mirror?: Pick<MirrorOptions, 'delayMs'>,
): Promise<CaptureSource> {
  if (path === '-') {
    const { header, events, condition } = await openInput(path, io, 'tail');
    const schemas: Uint8Array[] = [];
    let mirrored: MirroredExchanges | undefined;
    return {
      name: inputName(path),
      header,
      again: false,
      exchanges: (onGap) => {
        const kept = keepSchemas(events, schemas);
        if (mirror === undefined) return assemble(kept, { onGap });
        mirrored = mirrorExchanges(kept, { ...mirror, onGap });
        return mirrored;
      },
      mirrored: () => mirrored?.stats(),
      condition,
      conditions: () => [{ path, condition: condition() }],
      contents: async () => ({ protocols: new Set(['http', 'grpc']), schemas }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const capture = await openCapture(path);
  return fileSource(path, capture, () => [{ path, condition: capture.condition() }]);
}

/**
 * Opens one capture, or several as one. What several files are cannot be standard input.
 *
 * @throws GardenhoseError `invalid-option`
 */
export async function openSources(
  paths: readonly string[],
  io: Io,
  mirror?: Pick<MirrorOptions, 'delayMs'>,
): Promise<CaptureSource> {
  const [path = ''] = paths;
  if (paths.length <= 1) return openSource(path, io, mirror);
  if (paths.includes('-')) {
    throw new GardenhoseError(
      'invalid-option',
      'FILE is standard input beside other captures, expected files alone: what comes in cannot be put in order with them',
      { subject: 'FILE' },
    );
  }
  const capture = await openCaptures(paths);
  return fileSource(`${paths.length} captures`, capture, () =>
    capture.sources.map(({ name, condition }) => ({ path: name, condition: condition() })),
  );
}

function fileSource(name: string, capture: Capture, conditions: CaptureSource['conditions']): CaptureSource {
  return {
    name,
    header: capture.header,
    again: true,
    exchanges: (onGap) => capture.exchanges({}, { onGap }),
    condition: () => capture.condition(),
    mirrored: () => undefined,
    conditions,
    contents: () => contentsOf(capture),
    [Symbol.asyncDispose]: () => capture.close(),
  };
}

async function* keepSchemas(
  events: AsyncIterable<CaptureEvent>,
  schemas: Uint8Array[],
): AsyncGenerator<CaptureEvent, void, undefined> {
  const seen = new SchemaSet();
  for await (const event of events) {
    if (event.type === 'schema' && seen.add(event.data) === 'new') schemas.push(event.data);
    yield event;
  }
}

async function contentsOf(capture: Capture): Promise<CaptureContents> {
  const schemas = await readSchemas(capture);
  const { closed, types } = await capture.summary();
  // A gRPC call has messages, unless its client gave it up first. Most captures of HTTP need not be read for this.
  if (closed && schemas.length === 0 && types.message === undefined) {
    return { protocols: new Set(['http']), schemas };
  }
  const protocols = new Set<Protocol>();
  for await (const event of capture.events()) {
    if (event.type === 'start') protocols.add(event.protocol);
    if (protocols.has('grpc') && protocols.has('http')) break;
  }
  return { protocols, schemas };
}
