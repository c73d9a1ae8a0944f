import type { AbortEvent, ExchangeId, ExchangeStart, Side } from '../model/event.ts';
import type { HeaderList } from '../model/headers.ts';
import type { MessageCoding } from './inflate-message.ts';

/**
 * What an adapter's tap calls as one exchange goes by, on the request path. Each call stamps the time, copies what it is
 * given and returns; none throws, and none does anything after the exchange has ended or was given up.
 */
export interface ExchangeTap {
  readonly id: ExchangeId;
  /**
   * Whether it takes nothing more: it has ended or was given up, or nothing is recorded any more. A tap that takes bytes apart, or
   * holds some, need not go on. Default not known.
   */
  readonly over?: boolean | undefined;
  /** A response head; informational ones too. */
  headers(status: number, reason: string, version: string, headers: HeaderList): void;
  /**
   * The same as {@link headers}, for a tap that has the text of an HTTP/1 head, from its first byte to its empty line: it is
   * copied as it is, and taken apart elsewhere.
   *
   * @returns whether the text is such a head; of one that is not, nothing is taken
   */
  wireHead?(text: string): boolean;
  /**
   * {@link wireHead} and the first piece of the response's body, which passed in one call and get one stamp; text stands for
   * its UTF-8.
   *
   * @returns whether the text is a head; of one that is not, nothing is taken, nor of the body
   */
  wireAnswer?(text: string, body: string | Uint8Array): boolean;
  /** Body bytes that just passed. They are copied: the caller may use the buffer again. */
  chunk(side: Side, data: Uint8Array): void;
  /** The same as {@link chunk} with this text in UTF-8. */
  text?(side: Side, text: string): void;
  /** Bytes that are kept of a message at most: a tap that puts messages together need not hold more. Default not known. */
  readonly maxMessageBytes?: number | undefined;
  /** A whole message that just passed. With a `size`, `data` is the beginning of so many bytes. */
  message(side: Side, kind: number, data: Uint8Array, size?: number): void;
  /**
   * The same as {@link message} with these bytes decompressed, which is done elsewhere. Bytes that cannot be, or give more than
   * 4 MiB, are recorded as an empty message with a mark `undecoded`; where they are over the limit of a body as they are, the
   * message is dropped as such, and its size is theirs. Of those that go on from each other, each must be told, in order.
   */
  compressed?(side: Side, coding: MessageCoding, kind: number, data: Uint8Array): void;
  trailers(side: Side, headers: HeaderList): void;
  /** The side is done; `complete` is false when its end was not seen. */
  end(side: Side, complete?: boolean): void;
  /** The exchange broke off. */
  abort(by: AbortEvent['by'], code: string): void;
  mark(name: string, value: string): void;
}

/** The part of a recorder that a tap needs. */
export interface TapTarget {
  /**
   * Begins an exchange; undefined when it is not recorded (sampled out, paused, or no room: counted).
   * Reads the headers before it returns and keeps no reference.
   *
   * @param bodyless - Whether the request has no body, so that its end can be recorded with its start. A target need not
   *   heed it: the tap tells the end all the same. Default false
   */
  begin(start: ExchangeStart, bodyless?: boolean): ExchangeTap | undefined;
  /**
   * Tells what the messages of later exchanges are made of: a serialised `google.protobuf.FileDescriptorSet` with all files that
   * it imports, at most 16,000,000 bytes. Called before the first exchange that needs it; a schema that is known already, or was
   * given up for its size (counted as a failure of a tap), does nothing. Copied before it returns.
   */
  describe?(schema: Uint8Array): void;
  /** Calls this when nothing will be recorded any more by a kill switch, so that the tap can take itself off. At once where it is so. */
  whenKilled?(run: () => void): void;
  /** A tap failed and took itself out; counted in the recorder's stats. */
  tapFailed(error: unknown): void;
}
