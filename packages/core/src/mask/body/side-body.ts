import { Edits } from '../json/edits.ts';
import { comesInUnits, unitEnd } from './body-lines.ts';
import type { BodyMasker } from './body-unit.ts';
import type { ContentType } from './content-type.ts';

/** Masked bytes of the chunks since the last piece, and where each chunk's share ends. */
export interface BodyPiece {
  readonly data: Uint8Array;
  readonly ends: readonly number[];
}

/**
 * The body of one side while it is under way. It is held until a mask unit is whole: the body, or a line or an event of
 * a stream. Chunks that are covered by finished units are given out.
 */
export class SideBody {
  /** Bytes held now. */
  held = 0;
  /** Something was replaced. */
  masked = false;
  /** Something was given out. */
  given = false;
  /** Why nothing more is kept; empty while all is well. */
  problem = '';
  /** Bytes passed that are not here: the recorder did not keep them. */
  incomplete = false;
  /** Sizes of the chunks seen. */
  passed = 0;
  /** Chunks that came without bytes, whose content is still to come. */
  uncovered = 0;
  readonly #masker: BodyMasker;
  readonly #type: ContentType;
  readonly #bytesLimit: number;
  #chunks: Uint8Array[] = [];
  /** Where each chunk that was not given out ends, counted from the first byte held. */
  #ends: number[] = [];
  /** Masked bytes before those held: the first part of a chunk whose rest is not masked yet. */
  #carry: Uint8Array = new Uint8Array(0);

  // Where in a stream of events the last chunk ended.
  #atLineStart = true;
  #afterReturn = false;
  #endPending = false;

  constructor(masker: BodyMasker, type: ContentType, bytesLimit: number) {
    this.#masker = masker;
    this.#type = type;
    this.#bytesLimit = bytesLimit;
  }

  get #streams(): boolean {
    const { kind, codings, isRange } = this.#type;
    return comesInUnits(kind) && codings.length === 0 && !isRange && !this.#masker.isWhole;
  }

  append(data: Uint8Array): BodyPiece | undefined {
    if (this.problem !== '') {
      this.#ends.push(0);
      return undefined;
    }
    this.held += data.length;
    this.#chunks.push(data);
    this.#ends.push(this.held);
    if (this.#streams) {
      const piece = this.#sawUnitEnd(data) ? this.#finishedUnits() : undefined;
      if (this.held > this.#bytesLimit) this.drop('size');
      return piece;
    }
    if (this.held > this.#bytesLimit) this.drop('size');
    return undefined;
  }

  /** Chunks may be missing here: of a stream no later unit is known to be whole. */
  gap(): void {
    if (this.#streams && this.problem === '') this.drop('truncated');
  }

  /** Frees what is held; nothing more will be kept. */
  drop(problem: string): void {
    this.problem = problem;
    this.#chunks = [];
    this.#ends = this.#ends.map(() => 0);
    this.held = 0;
  }

  /** No more will come. `cut` when the end of the body is missing. */
  finish(cut: boolean): BodyPiece | undefined {
    if (this.problem === '' && (cut || this.incomplete)) this.#cut();
    if (this.problem !== '' || this.#ends.length === 0) return this.#rest();
    const bytes = this.#joined();
    if (this.#streams) {
      const edits = new Edits();
      const problem = this.#masker.units(bytes, 0, bytes.length, this.#type.kind, edits);
      if (problem !== '') {
        this.drop(problem);
        return this.#rest();
      }
      return this.#give(bytes, bytes.length, edits);
    }
    const body = this.#masker.whole(bytes, this.#ends, this.#type);
    if ('problem' in body) {
      this.drop(body.problem);
      return undefined;
    }
    if (body.masked) this.masked = true;
    this.given = true;
    this.held = 0;
    return body;
  }

  /** The rest of a body that broke off cannot be read: a secret may stand across the break. */
  #cut(): void {
    if (this.#type.kind === 'json' && this.#type.codings.length === 0 && !this.incomplete) return;
    this.drop('truncated');
  }

  /** What was masked of a chunk before something went wrong is kept. */
  #rest(): BodyPiece | undefined {
    if (!this.given && this.#carry.length === 0) return undefined;
    if (this.#ends.length === 0) return undefined;
    const data = this.#carry;
    this.#carry = new Uint8Array(0);
    const ends = this.#ends.map(() => data.length);
    this.#ends = [];
    this.given = true;
    return { data, ends };
  }

  /** Whether a unit ends in these bytes, or may have ended before them. Looks at each byte once. */
  #sawUnitEnd(data: Uint8Array): boolean {
    if (this.#type.kind === 'json-lines') return data.includes(0x0a);
    if (this.#type.kind === 'json-seq') return data.includes(0x1e);
    let found = this.#endPending;
    for (const code of data) {
      const isEnd = code === 0x0a || code === 0x0d;
      if (isEnd && !(code === 0x0a && this.#afterReturn)) {
        if (this.#atLineStart) found = true;
        this.#atLineStart = true;
      } else if (!isEnd) this.#atLineStart = false;
      this.#afterReturn = code === 0x0d;
    }
    this.#endPending = found && this.#afterReturn;
    return found;
  }

  #finishedUnits(): BodyPiece | undefined {
    const bytes = this.#joined();
    let done = 0;
    let next = unitEnd(bytes, 0, bytes.length, this.#type.kind, false);
    const edits = new Edits();
    while (next > 0) {
      const problem = this.#masker.unit(bytes, done, next, this.#type.kind, edits);
      if (problem !== '') {
        const piece = this.#give(bytes, done, edits);
        this.drop(problem);
        return piece;
      }
      done = next;
      next = unitEnd(bytes, done, bytes.length, this.#type.kind, false);
    }
    return done === 0 ? undefined : this.#give(bytes, done, edits);
  }

  /** Takes `bytes[0..done)`, masked by `edits`, off what is held; gives out the chunks that end there or before. */
  #give(bytes: Buffer, done: number, edits: Edits): BodyPiece | undefined {
    const covered = this.#ends.filter((end) => end <= done);
    const head = bytes.subarray(0, done);
    const masked = edits.count === 0 ? head : edits.applyToBytes(head);
    if (edits.count > 0) this.masked = true;
    const data = this.#carry.length === 0 ? masked : Buffer.concat([this.#carry, masked]);
    const before = this.#carry.length;
    const ends = edits.mapPlaces(covered).map((end) => end + before);
    const kept = this.#ends.slice(covered.length).map((end) => end - done);
    const cut = ends.at(-1) ?? 0;
    this.#carry = Buffer.from(data.subarray(cut));
    this.#ends = kept;
    this.#chunks = done < bytes.length ? [bytes.subarray(done)] : [];
    this.held = bytes.length - done;
    if (covered.length === 0) return undefined;
    this.given = true;
    return { data: data.subarray(0, cut), ends };
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) {
      return Buffer.from(first.buffer, first.byteOffset, first.length);
    }
    const all = Buffer.concat(this.#chunks, this.held);
    this.#chunks = [all];
    return all;
  }
}
