import type { ConditionLog } from './condition.ts';
import type { ChunkCipher } from './encryption.ts';
import { InvalidRecord } from './fields.ts';
import { codecs, limits } from './format.ts';
import type { Frame } from './frame-reader.ts';
import { type ChunkEntry, decodeFooter, decodeIndex, type Footer, isSealed } from './summary-payload.ts';

/** Compares what index and footer say with the frames that were read. */
export class SummaryCheck {
  readonly #log: ConditionLog;
  readonly #cipher: ChunkCipher | undefined;
  #sinceIndex: ChunkEntry[] = [];
  #chunks = 0;
  #records = 0;
  #holes = false;

  constructor(log: ConditionLog, cipher: ChunkCipher | undefined) {
    this.#log = log;
    this.#cipher = cipher;
  }

  /** Something was lost, which is a fault already: what is said of it is not compared. */
  hole(): void {
    this.#holes = true;
  }

  chunk(frame: Frame): void {
    const { number, storedBytes, count, firstSeq, seqSpan, baseNs, spanNs } = frame.header;
    this.#chunks += 1;
    this.#records += count;
    // A writer that follows the format has written an INDEX frame by then.
    if (this.#sinceIndex.length > limits.indexEntries) this.#sinceIndex = [];
    this.#sinceIndex.push({
      offset: frame.offset,
      storedBytes,
      number,
      count,
      firstSeq,
      seqSpan,
      baseNs,
      spanNs,
    });
  }

  index(frame: Frame): void {
    const seen = this.#sinceIndex;
    this.#sinceIndex = [];
    const entries = this.#decode(frame, () => decodeIndex(frame.stored, frame.header.count));
    if (entries === undefined) this.#log.fault('summary', frame.offset, 'an INDEX frame cannot be read');
    else if (!this.#holes && !sameEntries(seen, entries)) {
      this.#log.fault('summary', frame.offset, 'an INDEX frame does not list the chunks before it');
    }
  }

  /** What the footer says of the last event, if it says anything. */
  footer(frame: Frame): { seq: number; at: number } | undefined {
    const footer = this.#decode(frame, () => decodeFooter(frame.stored));
    if (footer === undefined) {
      this.#log.fault('summary', frame.offset, 'the FOOTER frame cannot be read');
      return undefined;
    }
    if (!isSealed(footer, this.#cipher)) {
      this.#log.fault('summary', frame.offset, 'the FOOTER frame was changed after it was sealed');
      return undefined;
    }
    if (!this.#holes && (footer.chunks !== this.#chunks || footer.records !== this.#records)) {
      this.#log.fault(
        footer.chunks > this.#chunks ? 'missing' : 'summary',
        frame.offset,
        `the footer counts ${footer.chunks} chunks with ${footer.records} records, there are ${this.#chunks} with ${this.#records}`,
      );
    }
    return footer.firstSeq === undefined ? undefined : { seq: footer.lastSeq, at: footer.lastNs };
  }

  #decode<T extends Footer | ChunkEntry[]>(frame: Frame, decode: () => T | undefined): T | undefined {
    if (frame.header.codec !== codecs.none || frame.header.cipher !== 0) return undefined;
    try {
      return decode();
    } catch (error) {
      if (error instanceof InvalidRecord) return undefined;
      throw error;
    }
  }
}

function sameEntries(a: readonly ChunkEntry[], b: readonly ChunkEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, i) => {
      const other = b[i];
      return (
        other !== undefined &&
        entry.offset === other.offset &&
        entry.storedBytes === other.storedBytes &&
        entry.number === other.number &&
        entry.count === other.count &&
        entry.firstSeq === other.firstSeq &&
        entry.seqSpan === other.seqSpan &&
        entry.baseNs === other.baseNs &&
        entry.spanNs === other.spanNs
      );
    })
  );
}
