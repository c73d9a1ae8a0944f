import type { AuditEntry, CaptureEvent, ExchangeEvent, ExchangeStart } from '../model/event.ts';
import { abortBy, directions, protocols, schemes, sides } from './enums.ts';
import { recordTypes } from './format.ts';
import { invalid } from './packing.ts';
import type { RecordPacker } from './record-packer.ts';

/**
 * Packs the record of an event: `[type, dSeq, dNs, ...]`, whose numbers count from those of its chunk's first event.
 *
 * @returns the record's type
 * @throws GardenhoseError `event-invalid` for a value that the format cannot hold, `capture-limit` for one too large; a
 *   part of the record may have been packed then
 */
export function encodeEvent(to: RecordPacker, event: CaptureEvent, firstSeq: number, baseNs: number): number {
  const dSeq = event.seq - firstSeq;
  const dNs = event.at - baseNs;
  switch (event.type) {
    case 'start':
      head(to, recordTypes.start, 14, dSeq, dNs);
      to.uint(event.exchange, 'start.exchange');
      startFields(to, event, event.sampleRate);
      return recordTypes.start;
    case 'headers':
      head(to, recordTypes.headers, 5, dSeq, dNs);
      to.uint(event.exchange, 'headers.exchange');
      to.uint(event.status, 'headers.status');
      to.wire(event.reason, 'headers.reason');
      to.text(event.version, 'headers.version');
      to.wireList(event.headers, 'headers.headers');
      return recordTypes.headers;
    case 'chunk':
      head(to, recordTypes.chunk, 4, dSeq, dNs);
      sideOf(to, event);
      to.uint(event.size, 'chunk.size');
      optionalBytes(to, event.data, 'chunk.data');
      return recordTypes.chunk;
    case 'body':
      head(to, recordTypes.body, 4, dSeq, dNs);
      sideOf(to, event);
      to.bytes(event.data, 'body.data');
      ends(to, event.ends, event.data.length);
      return recordTypes.body;
    case 'message':
      head(to, recordTypes.message, 7, dSeq, dNs);
      sideOf(to, event);
      to.uint(event.index, 'message.index');
      to.uint(event.kind, 'message.kind');
      to.uint(event.size, 'message.size');
      to.text(event.state, 'message.state');
      optionalBytes(to, event.data, 'message.data');
      return recordTypes.message;
    case 'trailers':
      head(to, recordTypes.trailers, 3, dSeq, dNs);
      sideOf(to, event);
      to.wireList(event.headers, 'trailers.headers');
      return recordTypes.trailers;
    case 'end':
      head(to, recordTypes.end, 5, dSeq, dNs);
      sideOf(to, event);
      to.uint(event.size, 'end.size');
      to.text(event.state, 'end.state');
      to.bool(event.complete === true);
      return recordTypes.end;
    case 'abort':
      head(to, recordTypes.abort, 3, dSeq, dNs);
      to.uint(event.exchange, 'abort.exchange');
      to.oneOf(abortBy, event.by, 'abort.by');
      to.text(event.code, 'abort.code');
      return recordTypes.abort;
    case 'mark':
      head(to, recordTypes.mark, 3, dSeq, dNs);
      to.uint(event.exchange, 'mark.exchange');
      to.text(event.name, 'mark.name');
      to.text(event.value, 'mark.value');
      return recordTypes.mark;
    case 'audit':
      head(to, recordTypes.audit, 3, dSeq, dNs);
      to.uint(event.exchange, 'audit.exchange');
      to.list(event.entries.length);
      for (const entry of event.entries) auditEntry(to, entry);
      to.list(event.unknownHeaders.length);
      for (const name of event.unknownHeaders) to.wire(name, 'audit.unknownHeaders');
      return recordTypes.audit;
    case 'resume':
      head(to, recordTypes.resume, 16, dSeq, dNs);
      to.uint(event.exchange, 'resume.exchange');
      to.uint(event.startSeq, 'resume.startSeq');
      to.uint(event.startAt, 'resume.startAt');
      startFields(to, event, event.sampleRate);
      return recordTypes.resume;
    case 'gap':
      head(to, recordTypes.gap, 7, dSeq, dNs);
      to.text(event.reason, 'gap.reason');
      to.uint(event.fromAt, 'gap.fromAt');
      to.uint(event.toAt, 'gap.toAt');
      to.uint(event.exchanges, 'gap.exchanges');
      to.uint(event.events, 'gap.events');
      to.uint(event.fromSeq, 'gap.fromSeq');
      if (event.exchange === undefined) to.nil();
      else to.uint(event.exchange, 'gap.exchange');
      return recordTypes.gap;
    case 'control':
      head(to, recordTypes.control, 2, dSeq, dNs);
      to.text(event.name, 'control.name');
      to.text(event.value, 'control.value');
      return recordTypes.control;
    case 'clock':
      head(to, recordTypes.clock, 1, dSeq, dNs);
      to.real(event.wallMs, 'clock.wallMs');
      return recordTypes.clock;
    case 'schema':
      head(to, recordTypes.schema, 2, dSeq, dNs);
      to.text(event.format, 'schema.format');
      to.bytes(event.data, 'schema.data');
      return recordTypes.schema;
  }
}

function head(to: RecordPacker, type: number, fields: number, dSeq: number, dNs: number): void {
  to.list(3 + fields);
  to.uint(type, 'type');
  to.uint(dSeq, 'seq');
  to.uint(dNs, 'at');
}

function startFields(to: RecordPacker, start: ExchangeStart, sampleRate: number): void {
  to.oneOf(directions, start.direction, 'start.direction');
  to.oneOf(protocols, start.protocol, 'start.protocol');
  to.text(start.lane, 'start.lane');
  if (start.parent === undefined) to.nil();
  else to.uint(start.parent, 'start.parent');
  if (start.operation === undefined) to.nil();
  else to.text(start.operation, 'start.operation');
  if (start.peer === undefined) to.nil();
  else to.text(start.peer, 'start.peer');
  to.oneOf(schemes, start.scheme, 'start.scheme');
  to.text(start.version, 'start.version');
  to.wire(start.method, 'start.method');
  to.wire(start.target, 'start.target');
  if (start.authority === undefined) to.nil();
  else to.wire(start.authority, 'start.authority');
  to.wireList(start.headers, 'start.headers');
  to.real(sampleRate, 'start.sampleRate');
}

/** The two fields that events of one side begin with. */
function sideOf(to: RecordPacker, event: Extract<ExchangeEvent, { side: unknown }>): void {
  to.uint(event.exchange, 'exchange');
  to.oneOf(sides, event.side, 'side');
}

function optionalBytes(to: RecordPacker, data: Uint8Array | undefined, field: string): void {
  if (data === undefined) to.nil();
  else to.bytes(data, field);
}

function auditEntry(to: RecordPacker, entry: AuditEntry): void {
  to.list(4);
  to.text(entry.rule, 'audit.entries');
  to.text(entry.part, 'audit.entries');
  to.oneOf(sides, entry.side, 'side');
  to.uint(entry.count, 'audit.entries');
}

function ends(to: RecordPacker, values: readonly number[], length: number): void {
  to.list(values.length);
  let last = 0;
  for (const end of values) {
    if (!(end >= last && end <= length)) throw invalid('body.ends', 'a rising list that ends with the data');
    last = end;
    to.uint(end, 'body.ends');
  }
}
