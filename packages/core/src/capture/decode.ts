import {
  type AuditEntry,
  type CaptureEvent,
  type ContentState,
  type ExchangeStart,
  gapReasons,
  type ResumeEvent,
  type StartEvent,
  schemaFormats,
} from '../model/event.ts';
import { abortBy, auditParts, directions, protocols, schemes, sides } from './enums.ts';
import { Fields, InvalidRecord, UnknownValue } from './fields.ts';
import { limits, recordTypes } from './format.ts';

/** Undefined: a record of a kind, or with a value, that this version does not know. */
export type Decoded = CaptureEvent | undefined;

/**
 * The event of a record; undefined when this version does not know its type or one of its words.
 *
 * @throws InvalidRecord for a known type whose fields are not what they must be
 */
export function decodeEvent(record: readonly unknown[], firstSeq: number, baseNs: number): Decoded {
  const [type, dSeq, dNs] = record;
  if (typeof dSeq !== 'number' || typeof dNs !== 'number')
    throw new InvalidRecord('a record without its place');
  try {
    return decode(type, record, firstSeq + dSeq, baseNs + dNs);
  } catch (error) {
    if (error instanceof UnknownValue) return undefined;
    throw error;
  }
}

function decode(type: unknown, record: readonly unknown[], seq: number, at: number): Decoded {
  switch (type) {
    case recordTypes.start: {
      const fields = new Fields(record, 'start', 3);
      const exchange = fields.uint();
      const event: StartEvent = {
        type: 'start',
        seq,
        at,
        exchange,
        ...startFields(fields),
        sampleRate: rate(fields),
      };
      return event;
    }
    case recordTypes.headers: {
      const fields = new Fields(record, 'headers', 3);
      return {
        type: 'headers',
        seq,
        at,
        exchange: fields.uint(),
        status: fields.uint(),
        reason: fields.wire(),
        version: fields.text(),
        headers: fields.wireList(limits.headerItems, true),
      };
    }
    case recordTypes.chunk: {
      const fields = new Fields(record, 'chunk', 3);
      return {
        type: 'chunk',
        seq,
        at,
        exchange: fields.uint(),
        side: fields.oneOf(sides),
        size: fields.uint(),
        data: fields.optionalBytes(),
      };
    }
    case recordTypes.body: {
      const fields = new Fields(record, 'body', 3);
      const exchange = fields.uint();
      const side = fields.oneOf(sides);
      const data = fields.bytes();
      return { type: 'body', seq, at, exchange, side, data, ends: ends(fields.list(), data.length) };
    }
    case recordTypes.message: {
      const fields = new Fields(record, 'message', 3);
      return {
        type: 'message',
        seq,
        at,
        exchange: fields.uint(),
        side: fields.oneOf(sides),
        index: fields.uint(),
        kind: fields.uint(),
        size: fields.uint(),
        state: state(fields),
        data: fields.optionalBytes(),
      };
    }
    case recordTypes.trailers: {
      const fields = new Fields(record, 'trailers', 3);
      return {
        type: 'trailers',
        seq,
        at,
        exchange: fields.uint(),
        side: fields.oneOf(sides),
        headers: fields.wireList(limits.headerItems, true),
      };
    }
    case recordTypes.end: {
      const fields = new Fields(record, 'end', 3);
      return {
        type: 'end',
        seq,
        at,
        exchange: fields.uint(),
        side: fields.oneOf(sides),
        size: fields.uint(),
        state: state(fields),
        complete: fields.bool(),
      };
    }
    case recordTypes.abort: {
      const fields = new Fields(record, 'abort', 3);
      return {
        type: 'abort',
        seq,
        at,
        exchange: fields.uint(),
        by: fields.oneOf(abortBy),
        code: fields.text(),
      };
    }
    case recordTypes.mark: {
      const fields = new Fields(record, 'mark', 3);
      return { type: 'mark', seq, at, exchange: fields.uint(), name: fields.text(), value: fields.text() };
    }
    case recordTypes.audit: {
      const fields = new Fields(record, 'audit', 3);
      return {
        type: 'audit',
        seq,
        at,
        exchange: fields.uint(),
        entries: fields.list().map(auditEntry),
        unknownHeaders: fields.wireList(limits.headerItems, false),
      };
    }
    case recordTypes.resume: {
      const fields = new Fields(record, 'resume', 3);
      const exchange = fields.uint();
      const startSeq = fields.uint();
      const startAt = fields.uint();
      const start = startFields(fields);
      const event: ResumeEvent = {
        type: 'resume',
        seq,
        at,
        exchange,
        ...start,
        sampleRate: rate(fields),
        startSeq,
        startAt,
      };
      return event;
    }
    case recordTypes.gap: {
      const fields = new Fields(record, 'gap', 3);
      return {
        type: 'gap',
        seq,
        at,
        reason: fields.wordOf(gapReasons),
        fromAt: fields.uint(),
        toAt: fields.uint(),
        exchanges: fields.uint(),
        events: fields.uint(),
        fromSeq: fields.uint(),
        exchange: fields.optionalUint(),
      };
    }
    case recordTypes.control: {
      const fields = new Fields(record, 'control', 3);
      return { type: 'control', seq, at, name: fields.text(), value: fields.text() };
    }
    case recordTypes.clock:
      return { type: 'clock', seq, at, wallMs: new Fields(record, 'clock', 3).real() };
    case recordTypes.schema: {
      const fields = new Fields(record, 'schema', 3);
      return { type: 'schema', seq, at, format: fields.wordOf(schemaFormats), data: fields.bytes() };
    }
    default:
      return undefined;
  }
}

function startFields(fields: Fields): ExchangeStart {
  return {
    direction: fields.oneOf(directions),
    protocol: fields.oneOf(protocols),
    lane: fields.text(),
    parent: fields.optionalUint(),
    operation: fields.optionalText(),
    peer: fields.optionalText(),
    scheme: fields.oneOf(schemes),
    version: fields.text(),
    method: fields.wire(),
    target: fields.wire(),
    authority: fields.optionalWire(),
    headers: fields.wireList(limits.headerItems, true),
  };
}

function rate(fields: Fields): number {
  const value = fields.real();
  if (value > 1) throw new InvalidRecord('a sample rate above 1');
  return value;
}

function state(fields: Fields): ContentState {
  const word = fields.text();
  if (word === 'kept' || word === 'masked' || word === 'truncated') return word;
  if (word.startsWith('dropped:')) return `dropped:${word.slice('dropped:'.length)}`;
  throw new UnknownValue();
}

function ends(values: readonly unknown[], length: number): number[] {
  let last = 0;
  return values.map((value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < last || value > length) {
      throw new InvalidRecord('the chunk ends of a body record do not rise to the length of its data');
    }
    last = value;
    return value;
  });
}

function auditEntry(value: unknown): AuditEntry {
  if (!Array.isArray(value)) throw new InvalidRecord('an entry of an audit record is not a list');
  const fields = new Fields(value, 'audit', 0);
  return {
    rule: fields.text(),
    part: fields.wordOf(auditParts),
    side: fields.oneOf(sides),
    count: fields.uint(),
  };
}
