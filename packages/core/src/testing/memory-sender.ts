import type { Exchange } from '../model/exchange.ts';
import type {
  Answer,
  AnswerError,
  LaneSender,
  RunTimer,
  Sender,
  Shipment,
  ShipmentPart,
  Unsendable,
} from '../replay/sender.ts';

/** How a {@link MemorySender} answers an exchange. */
export interface MemoryAnswer {
  /** Default as recorded. */
  readonly status?: number;
  /** From sending to the answer. Default 0. */
  readonly delayNs?: number;
  /** Never answers: until it is abandoned. */
  readonly never?: boolean;
  readonly error?: AnswerError;
}

/** What a {@link MemorySender} saw. */
export interface MemorySending {
  readonly exchange: number;
  readonly lane: string;
  readonly sentAt: number;
  readonly overlapsPrevious: boolean;
  endAt?: number;
}

/** A sender to nowhere: it answers as told, on the engine's time, and remembers what was sent. */
export class MemorySender implements Sender {
  readonly target: string;
  readonly sent: MemorySending[] = [];
  /** What could not be prepared, by exchange. */
  readonly unsendable: Map<number, string> = new Map();
  readonly abandoned: number[] = [];
  lanesOpened = 0;
  lanesClosed = 0;
  /** What {@link LaneSender.warm} finds wrong. */
  unreachable: AnswerError | undefined;
  readonly #answer: (exchange: Exchange) => MemoryAnswer;
  readonly #prepared = new Map<number, Exchange>();

  constructor(answer: (exchange: Exchange) => MemoryAnswer = () => ({}), target = 'in-process') {
    this.#answer = answer;
    this.target = target;
  }

  prepare(exchange: Exchange): Shipment | Unsendable {
    const skip = this.unsendable.get(exchange.id);
    if (skip !== undefined) return { skip };
    this.#prepared.set(exchange.id, exchange);
    const { id, lane, protocol, startAt, endAt, request, abort } = exchange;
    const parts: ShipmentPart[] = [
      { offsetNs: 0, bytes: new TextEncoder().encode(`${request.method} ${request.target}`) },
    ];
    for (const { at, data } of request.chunks) parts.push({ offsetNs: at - startAt, bytes: data });
    const abandonNs = abort?.by === 'client' ? abort.at - startAt : undefined;
    return { exchange: id, lane, protocol, startAt, endAt, parts, method: request.method, abandonNs };
  }

  openLane(lane: string, timer: RunTimer): LaneSender {
    this.lanesOpened++;
    const waiting = new Map<
      number,
      (how: { readonly error?: AnswerError; readonly abandoned?: true }) => void
    >();
    return {
      warm: () => Promise.resolve(this.unreachable),
      send: (shipment, overlapsPrevious) => {
        const exchange = this.#prepared.get(shipment.exchange);
        if (exchange === undefined) throw new TypeError(`exchange ${shipment.exchange} was not prepared`);
        const sentAt = timer.nowNs();
        const sending: MemorySending = { exchange: exchange.id, lane, sentAt, overlapsPrevious };
        this.sent.push(sending);
        const { delayNs = 0, never = false, error, status } = this.#answer(exchange);
        return new Promise<Answer>((resolve) => {
          const settle = (how: { readonly error?: AnswerError; readonly abandoned?: true }) => {
            if (!waiting.delete(exchange.id)) return;
            sending.endAt = timer.nowNs();
            resolve(memoryAnswer(exchange, sentAt, timer.nowNs(), { status, ...how }));
          };
          waiting.set(exchange.id, settle);
          if (!never) timer.at(sentAt + delayNs, () => settle(error === undefined ? {} : { error }));
        });
      },
      abandon: (exchange, error) => {
        this.abandoned.push(exchange);
        waiting.get(exchange)?.(error === undefined ? { abandoned: true } : { error });
      },
      close: () => {
        this.lanesClosed++;
      },
    };
  }

  async close(): Promise<void> {}
}

function memoryAnswer(
  { id, response }: Exchange,
  sentAt: number,
  endAt: number,
  how: { readonly status?: number | undefined; readonly error?: AnswerError; readonly abandoned?: true },
): Answer {
  const failed = how.error !== undefined || how.abandoned === true;
  const data = response?.chunks.map((chunk) => ({ at: endAt, data: chunk.data })) ?? [];
  return {
    exchange: id,
    sentAt,
    firstByteAt: failed ? undefined : endAt,
    endAt,
    informational: [],
    head: failed
      ? undefined
      : {
          at: endAt,
          status: how.status ?? response?.status ?? 200,
          reason: response?.reason ?? '',
          version: '1.1',
          headers: response?.headers ?? [],
        },
    chunks: failed ? [] : data,
    trailers: failed ? [] : (response?.trailers ?? []),
    size: failed ? 0 : data.reduce((sum, chunk) => sum + chunk.data.length, 0),
    truncated: false,
    abandoned: how.abandoned,
    error: how.error,
  };
}
