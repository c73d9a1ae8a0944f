import type { CaptureEvent, Direction, ExchangeStart, Protocol, Side } from '../model/event.ts';
import { abortBy, directions, protocols, schemes, sides } from './enums.ts';
import { recordTypes } from './format.ts';
import { bytes, index, invalid, type Packable, real, text, uint, wire, wireList } from './packing.ts';

/**
 * The record of an event: `[type, dSeq, dNs, ...]`, whose numbers count from those of its chunk's first event.
 *
 * @throws GardenhoseError `event-invalid` for a value that the format cannot hold, `capture-limit` for one too large
 */
export function encodeEvent(event: CaptureEvent, firstSeq: number, baseNs: number): Packable[] {
  const record: Packable[] = [
    recordTypes[event.type],
    uint(event.seq - firstSeq, `${event.type}.seq`),
    uint(event.at - baseNs, `${event.type}.at`),
  ];
  switch (event.type) {
    case 'start':
      record.push(uint(event.exchange, 'start.exchange'), ...startFields(event, event.sampleRate));
      break;
    case 'headers':
      record.push(
        uint(event.exchange, 'headers.exchange'),
        uint(event.status, 'headers.status'),
        wire(event.reason, 'headers.reason'),
        text(event.version, 'headers.version'),
        wireList(event.headers, 'headers.headers'),
      );
      break;
    case 'chunk':
      record.push(
        uint(event.exchange, 'chunk.exchange'),
        side(event.side),
        uint(event.size, 'chunk.size'),
        event.data === undefined ? null : bytes(event.data, 'chunk.data'),
      );
      break;
    case 'body':
      record.push(
        uint(event.exchange, 'body.exchange'),
        side(event.side),
        bytes(event.data, 'body.data'),
        ends(event.ends, event.data.length),
      );
      break;
    case 'message':
      record.push(
        uint(event.exchange, 'message.exchange'),
        side(event.side),
        uint(event.index, 'message.index'),
        uint(event.kind, 'message.kind'),
        uint(event.size, 'message.size'),
        text(event.state, 'message.state'),
        event.data === undefined ? null : bytes(event.data, 'message.data'),
      );
      break;
    case 'trailers':
      record.push(
        uint(event.exchange, 'trailers.exchange'),
        side(event.side),
        wireList(event.headers, 'trailers.headers'),
      );
      break;
    case 'end':
      record.push(
        uint(event.exchange, 'end.exchange'),
        side(event.side),
        uint(event.size, 'end.size'),
        text(event.state, 'end.state'),
        event.complete === true,
      );
      break;
    case 'abort':
      record.push(
        uint(event.exchange, 'abort.exchange'),
        index(abortBy.indexOf(event.by), 'abort.by'),
        text(event.code, 'abort.code'),
      );
      break;
    case 'mark':
      record.push(
        uint(event.exchange, 'mark.exchange'),
        text(event.name, 'mark.name'),
        text(event.value, 'mark.value'),
      );
      break;
    case 'audit':
      record.push(
        uint(event.exchange, 'audit.exchange'),
        event.entries.map((entry) => [
          text(entry.rule, 'audit.entries'),
          text(entry.part, 'audit.entries'),
          side(entry.side),
          uint(entry.count, 'audit.entries'),
        ]),
        event.unknownHeaders.map((name) => wire(name, 'audit.unknownHeaders')),
      );
      break;
    case 'resume':
      record.push(
        uint(event.exchange, 'resume.exchange'),
        uint(event.startSeq, 'resume.startSeq'),
        uint(event.startAt, 'resume.startAt'),
        ...startFields(event, event.sampleRate),
      );
      break;
    case 'gap':
      record.push(
        text(event.reason, 'gap.reason'),
        uint(event.fromAt, 'gap.fromAt'),
        uint(event.toAt, 'gap.toAt'),
        uint(event.exchanges, 'gap.exchanges'),
        uint(event.events, 'gap.events'),
        uint(event.fromSeq, 'gap.fromSeq'),
        event.exchange === undefined ? null : uint(event.exchange, 'gap.exchange'),
      );
      break;
    case 'control':
      record.push(text(event.name, 'control.name'), text(event.value, 'control.value'));
      break;
    case 'clock':
      record.push(real(event.wallMs, 'clock.wallMs'));
      break;
  }
  return record;
}

function startFields(start: ExchangeStart, sampleRate: number): Packable[] {
  return [
    direction(start.direction),
    protocol(start.protocol),
    text(start.lane, 'start.lane'),
    start.parent === undefined ? null : uint(start.parent, 'start.parent'),
    start.operation === undefined ? null : text(start.operation, 'start.operation'),
    start.peer === undefined ? null : text(start.peer, 'start.peer'),
    index(schemes.indexOf(start.scheme), 'start.scheme'),
    text(start.version, 'start.version'),
    wire(start.method, 'start.method'),
    wire(start.target, 'start.target'),
    start.authority === undefined ? null : wire(start.authority, 'start.authority'),
    wireList(start.headers, 'start.headers'),
    real(sampleRate, 'start.sampleRate'),
  ];
}

const side = (value: Side): number => index(sides.indexOf(value), 'side');
const direction = (value: Direction): number => index(directions.indexOf(value), 'start.direction');
const protocol = (value: Protocol): number => index(protocols.indexOf(value), 'start.protocol');

function ends(values: readonly number[], length: number): Packable[] {
  let last = 0;
  for (const end of values) {
    if (!(end >= last && end <= length)) throw invalid('body.ends', 'a rising list that ends with the data');
    last = end;
  }
  return values.map((end) => uint(end, 'body.ends'));
}
