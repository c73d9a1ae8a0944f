import type { Writable } from 'node:stream';
import type { CaptureHeader } from '../model/capture-header.ts';
import { onlyOptions } from '../model/option-names.ts';
import { flagOption, invalidOption } from '../model/option-values.ts';
import { type ClockFinding, clockFindings, PairTable } from './clock-corrections.ts';
import { PairFinder } from './clock-skew.ts';
import type { CaptureCondition } from './condition.ts';
import { type CaptureKey, readCaptureKey } from './encryption-key.ts';
import { anchorOf, closeAll, openAll, SeveralCaptures } from './open-captures.ts';
import type { ReadCaptureOptions } from './read-capture.ts';
import { type Recording, recordingsOf } from './recordings.ts';
import { isSameFile, writeCapture, writeOrDeclare } from './write-capture.ts';

/** How captures are merged. */
export interface MergeCapturesOptions {
  /** Replaces a file of the output's name. Default false. */
  readonly overwrite?: boolean | undefined;
  /**
   * Whether the clocks of the recordings are put right by exchanges that two of them have both: asked by the one, served by the
   * other. All is read once more for it. Default true.
   */
  readonly skew?: boolean | undefined;
  /** The key of encrypted captures, or several to choose from, as `openCapture` takes it. */
  readonly encryptionKey?: ReadCaptureOptions['encryptionKey'];
  /** The key that the new capture is encrypted with; false: with none. Default: that of the first of them that is encrypted. */
  readonly encrypt?: CaptureKey | false | undefined;
  /** Told of the events written so far, after each. Default nobody. */
  readonly onEvent?: ((events: number) => void) | undefined;
}

const optionNames: Readonly<Record<keyof MergeCapturesOptions, true>> = {
  overwrite: true,
  skew: true,
  encryptionKey: true,
  encrypt: true,
  onEvent: true,
};

/** A recording that was merged. */
export interface MergedRecording extends ClockFinding {
  /** Of its first part. */
  readonly header: CaptureHeader;
  /** Its files, in order. */
  readonly files: readonly { readonly name: string; readonly condition: CaptureCondition }[];
}

/** What {@link mergeCaptures} found and wrote. */
export interface MergeCapturesResult {
  /** Of the new capture. */
  readonly header: CaptureHeader;
  /** In the order of `header.mergedFrom`. */
  readonly recordings: readonly MergedRecording[];
  readonly events: number;
  readonly exchanges: number;
  /** Events that do not fit into a record any more, and are declared as missing. */
  readonly refused: number;
  /** Size of the new capture. */
  readonly bytesWritten: number;
}

/**
 * Joins captures of several instances, or the parts of a rotated recording, into one: in order of time, each in its own order, with ids, parents and lanes
 * kept apart as `openCaptures` says. Clocks are put right where exchanges show that they did not agree, and the header tells by how much,
 * and how far off that may be. A cut end is accepted; `recoverCapture` saves what is sound in a damaged capture before.
 *
 * @throws GardenhoseError as `openCaptures` does, and as reading and writing do; a new file that could not be finished is removed
 * @param output - Name of the new file, or a stream, which is left open
 *
 * @example
 * const { recordings } = await mergeCaptures(['web.hose', 'stock.hose'], 'all.hose');
 * for (const { header, skewNs, skewErrorNs } of recordings) console.log(header.service, skewNs, skewErrorNs);
 */
export async function mergeCaptures(
  paths: readonly string[],
  output: string | Writable,
  options: MergeCapturesOptions = {},
): Promise<MergeCapturesResult> {
  onlyOptions('a merge', options, optionNames);
  const overwrite = flagOption('overwrite', options.overwrite, false);
  const skew = flagOption('skew', options.skew, true);
  const { encryptionKey, encrypt, onEvent } = options;
  const captures = await openAll(paths, { encryptionKey });
  try {
    if (typeof output === 'string') {
      for (const path of paths) {
        if (await isSameFile(path, output)) throw invalidOption('output', `is one of the captures, ${path}`);
      }
    }
    const recordings = recordingsOf(captures);
    const findings = await findingsOf(new SeveralCaptures(captures, recordings), recordings, skew);
    const corrections = findings.map(({ against: _, pairs: __, agree: ___, ...correction }) => correction);
    const firstAts = await Promise.all(
      recordings.map(async ({ parts }) => (await parts[0]?.capture.summary())?.firstAt ?? 0),
    );
    const merged = new SeveralCaptures(captures, recordings, corrections, firstAts);
    const counts = { events: 0, exchanges: 0, refused: 0 };
    const newKey =
      encrypt === undefined
        ? captures.find(({ capture }) => capture.encryptionKey !== undefined)?.capture.encryptionKey
        : encrypt && (await readCaptureKey(encrypt));
    const writing = { overwrite, encryptionKey: newKey || undefined };
    const written = await writeCapture(output, writing, merged.header, async (writer) => {
      for await (const events of merged.runs()) {
        for (const event of events) {
          if (!(await writeOrDeclare(writer, event))) counts.refused++;
          if (event.type === 'start') counts.exchanges++;
          counts.events++;
          onEvent?.(counts.events);
        }
      }
    });
    return {
      ...written,
      recordings: recordings.map(({ header, parts }, place) => ({
        header,
        files: parts.map(({ name, capture }) => ({ name, condition: capture.condition() })),
        ...(findings[place] ?? { skewNs: 0, driftPpm: 0, pairs: 0, agree: 0 }),
      })),
      ...counts,
    };
  } finally {
    await closeAll(captures);
  }
}

async function findingsOf(
  captures: SeveralCaptures,
  recordings: readonly Recording[],
  skew: boolean,
): Promise<ClockFinding[]> {
  const table = new PairTable();
  if (skew && recordings.length > 1) {
    const finder = new PairFinder(recordings.length, (pair) => table.add(pair));
    for await (const events of captures.runs()) {
      for (const event of events) finder.event(event);
    }
  }
  return clockFindings(table.estimates(), anchorOf(recordings).offsetsNs);
}
