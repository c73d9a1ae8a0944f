import type { Protocol } from '../model/event.ts';
import { type Batch, Packer, Unpacker } from './batch.ts';
import type { Job } from './job.ts';
import { type PartKind, partKinds, type Shipment, type ShipmentHead, type ShipmentPart } from './sender.ts';

/** Jobs on their way to the thread that sends them. */
export function packJobs(jobs: readonly Job[]): Batch {
  const packer = new Packer();
  for (const job of jobs) {
    const { shipment } = job;
    // Jobs that are made at the moment of sending need their hooks, and those stay where they are.
    if (typeof shipment === 'function')
      throw new TypeError('a job that is made when sent cannot leave its thread');
    packer.number(job.index);
    packer.number(job.exchange);
    packer.shared(job.lane);
    packer.shared(job.protocol);
    packer.number(job.plannedAt);
    packer.number(job.startAt);
    packer.number(job.finishedAt);
    packer.number(job.timeoutNs);
    packer.flag(job.brief);
    packer.flag(job.awaited);
    packer.flag(shipment !== undefined);
    if (shipment !== undefined) packShipment(packer, shipment);
  }
  return packer.batch();
}
function packShipment(packer: Packer, shipment: Shipment): void {
  packer.shared(shipment.method);
  packer.number(shipment.endAt);
  packer.maybe(shipment.abandonNs);
  packer.flag(shipment.alone);
  packer.maybe(shipment.deadlineNs);
  packer.flag(shipment.head !== undefined);
  if (shipment.head !== undefined) {
    packer.shared(shipment.head.authority ?? '');
    packer.strings(shipment.head.headers);
  }
  packer.number(shipment.parts.length);
  for (const part of shipment.parts) {
    packer.number(part.offsetNs);
    packer.bytes(part.bytes);
    packer.number(part.kind === undefined ? 0 : partKinds.indexOf(part.kind));
    packer.number(part.afterMessages ?? 0);
  }
}

export function* unpackJobs(batch: Batch): Generator<Job> {
  const unpacker = new Unpacker(batch);
  while (!unpacker.done) {
    const index = unpacker.number();
    const exchange = unpacker.number();
    const lane = unpacker.string();
    const protocol = protocolOf(unpacker.string());
    const plannedAt = unpacker.number();
    const startAt = unpacker.number();
    const finishedAt = unpacker.number();
    const timeoutNs = unpacker.number();
    const brief = unpacker.flag() || undefined;
    const awaited = unpacker.flag() || undefined;
    const shipment = unpacker.flag()
      ? unpackShipment(unpacker, { exchange, lane, protocol, startAt })
      : undefined;
    yield {
      index,
      exchange,
      lane,
      protocol,
      plannedAt,
      startAt,
      finishedAt,
      timeoutNs,
      brief,
      shipment,
      awaited,
    };
  }
}

function unpackShipment(
  unpacker: Unpacker,
  { exchange, lane, protocol, startAt }: Pick<Shipment, 'exchange' | 'lane' | 'protocol' | 'startAt'>,
): Shipment {
  const method = unpacker.string();
  const endAt = unpacker.number();
  const abandonNs = unpacker.maybe();
  const alone = unpacker.flag();
  const deadlineNs = unpacker.maybe();
  const head = unpacker.flag() ? unpackShipmentHead(unpacker) : undefined;
  const parts: ShipmentPart[] = [];
  for (let left = unpacker.number(); left > 0; left--) {
    const offsetNs = unpacker.number();
    const bytes = unpacker.bytes();
    const kind = unpackKind(unpacker);
    parts.push({ offsetNs, bytes, kind, afterMessages: unpacker.number() || undefined });
  }
  return {
    exchange,
    lane,
    protocol,
    startAt,
    endAt,
    parts,
    method,
    head,
    deadlineNs,
    abandonNs,
    alone,
  };
}

function unpackKind(unpacker: Unpacker): PartKind | undefined {
  const place = unpacker.number();
  return place === 0 ? undefined : partKinds[place];
}

function unpackShipmentHead(unpacker: Unpacker): ShipmentHead {
  return { authority: unpacker.string() || undefined, headers: unpacker.strings() };
}

function protocolOf(text: string): Protocol {
  return text === 'grpc' || text === 'websocket' ? text : 'http';
}
