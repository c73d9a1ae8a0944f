import { GardenhoseError } from '../errors.ts';
import type { Protocol } from '../model/event.ts';
import type {
  AnswerError,
  LaneSender,
  RunTimer,
  Sender,
  SenderModule,
  SenderSource,
  Shipment,
} from './sender.ts';

/** A sender for each protocol that is to be sent. WebSockets go to that of HTTP, unless there is one of their own. */
export type ProtocolSenders = { readonly [P in Protocol]?: Sender | undefined };

/**
 * One sender out of several: each exchange goes to that of its protocol, in one run and on one clock. What has none is
 * skipped as `protocol`. The guard looks at the targets of all of them; they are closed with it.
 *
 * @throws {@link GardenhoseError} `invalid-option` when there is no sender
 * @example
 * const sender = byProtocol({ http: createHttpSender(origin), grpc: createGrpcSender(grpcOrigin, { grpc }) });
 */
export function byProtocol(senders: ProtocolSenders): Sender {
  const all = entriesOf(senders);
  const [first] = all;
  if (first === undefined) {
    throw new GardenhoseError('invalid-option', 'senders must hold a sender for at least one protocol', {
      subject: 'senders',
    });
  }
  const targets = [...new Set(all.flatMap(([, { target, targets: several }]) => several ?? [target]))];
  const rehearsed = all.filter(([, sender]) => sender.rehearse !== undefined);
  return {
    target: targets.join(', '),
    targets,
    get source() {
      return sourceOf(all);
    },
    secure(measures) {
      const undos = all.map(([, sender]) => sender.secure?.(measures));
      return () => {
        for (const undo of undos) undo?.();
      };
    },
    prepare: (exchange, recorded, authority) =>
      senders[carrierOf(exchange.protocol, senders)]?.prepare(exchange, recorded, authority) ?? {
        skip: 'protocol',
      },
    openLane: (lane, timer) => new ProtocolLane(senders, lane, timer),
    async rehearse(timer) {
      for (const [, sender] of rehearsed) await sender.rehearse?.(timer);
    },
    async close() {
      await Promise.all(all.map(([, sender]) => sender.close()));
    },
  };
}

/** Whose sender an exchange goes to. */
function carrierOf(protocol: Protocol, senders: ProtocolSenders): Protocol {
  return protocol === 'websocket' && senders.websocket === undefined ? 'http' : protocol;
}

const protocols: readonly Protocol[] = ['http', 'grpc', 'websocket'];

function entriesOf(senders: ProtocolSenders): [Protocol, Sender][] {
  return protocols.flatMap((protocol): [Protocol, Sender][] => {
    const sender = senders[protocol];
    return sender === undefined ? [] : [[protocol, sender]];
  });
}

/** They can leave their thread only together. */
function sourceOf(all: readonly [Protocol, Sender][]): SenderSource | undefined {
  const sources: [Protocol, SenderSource][] = [];
  let youngGenerationMb: number | undefined;
  for (const [protocol, { source }] of all) {
    if (source === undefined) return undefined;
    sources.push([protocol, source]);
    // The smallest: one that is too large makes long pauses, one that is too small many short ones.
    const { youngGenerationMb: own = youngGenerationMb } = source;
    youngGenerationMb = own === undefined ? undefined : Math.min(own, youngGenerationMb ?? own);
  }
  return { url: import.meta.url, options: sources, youngGenerationMb };
}

/** Makes the same sender in a worker. */
export async function openSender(options: unknown): Promise<Sender> {
  const senders: { [P in Protocol]?: Sender } = {};
  for (const [protocol, { url, options: own }] of checkSources(options)) {
    const module: SenderModule = await import(url);
    senders[protocol] = await module.openSender(own);
  }
  return byProtocol(senders);
}

function checkSources(options: unknown): [Protocol, SenderSource][] {
  if (!Array.isArray(options)) throw new TypeError('expected the sources of senders');
  return options.map((entry: unknown): [Protocol, SenderSource] => {
    const [name, source]: unknown[] = Array.isArray(entry) ? entry : [];
    const protocol = protocols.find((one) => one === name);
    if (protocol === undefined || !isSource(source)) throw new TypeError('expected the source of a sender');
    return [protocol, source];
  });
}

function isSource(source: unknown): source is SenderSource {
  return typeof source === 'object' && source !== null && 'url' in source && typeof source.url === 'string';
}

/** A lane whose exchanges may be of several protocols: each goes over a lane of its own sender, opened when it is needed. */
class ProtocolLane implements LaneSender {
  readonly #senders: ProtocolSenders;
  readonly #name: string;
  readonly #timer: RunTimer;
  readonly #lanes = new Map<Protocol, LaneSender>();

  constructor(senders: ProtocolSenders, name: string, timer: RunTimer) {
    this.#senders = senders;
    this.#name = name;
    this.#timer = timer;
  }

  warm(protocol: Protocol): Promise<AnswerError | undefined> {
    return this.#lane(protocol)?.warm(protocol) ?? Promise.resolve(undefined);
  }

  send(shipment: Shipment, overlapsPrevious: boolean): ReturnType<LaneSender['send']> {
    const lane = this.#lane(shipment.protocol);
    // What has no sender was not prepared.
    if (lane === undefined) throw new TypeError(`there is no sender for ${shipment.protocol}`);
    return lane.send(shipment, overlapsPrevious);
  }

  abandon(exchange: number, error?: AnswerError): void {
    for (const lane of this.#lanes.values()) lane.abandon(exchange, error);
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.close();
  }

  #lane(of: Protocol): LaneSender | undefined {
    const protocol = carrierOf(of, this.#senders);
    const open = this.#lanes.get(protocol);
    if (open !== undefined) return open;
    const lane = this.#senders[protocol]?.openLane(this.#name, this.#timer);
    if (lane !== undefined) this.#lanes.set(protocol, lane);
    return lane;
  }
}
