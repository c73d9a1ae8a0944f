import { type Capture, openCapture } from '../capture/open-capture.ts';
import { GardenhoseError } from '../errors.ts';
import { Assembler } from '../model/assemble.ts';
import type { PolicySummary } from '../model/capture-header.ts';
import type { Protocol } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { resolveStubOptions, type StubOptions, stubMasking } from './options.ts';
import { Stub } from './stub.ts';

/** What a stub serves: the path of a capture, an open capture (or what has its header and events), or exchanges. */
export type StubSource =
  | string
  | Pick<Capture, 'header' | 'events'>
  | AsyncIterable<Exchange>
  | Iterable<Exchange>;

/** What exchanges that come without a capture do not tell, and a capture may lack. */
export interface StubSourceOptions {
  /** Of exchanges that come without a capture: the policy that they were masked by. Default they were not. */
  readonly recordedPolicy?: PolicySummary | undefined;
  /** Descriptors of messages, each a serialised `google.protobuf.FileDescriptorSet`, besides those of the capture. Default none. */
  readonly schemas?: readonly Uint8Array[] | undefined;
}

/**
 * Reads recorded exchanges of one protocol into memory, and makes a stub of them. For adapters: what they take of options they
 * take away first.
 *
 * @param whyNot - Why the adapter cannot write the answer of an exchange, where it cannot
 * @throws GardenhoseError `invalid-option`, `mask-policy`, `mask-key`; `capture-empty` when there is nothing to serve;
 *   `capture-limit` when there is more than `maxHeldBytes`; and what opening and reading the capture throws
 */
export async function openStub(
  source: StubSource,
  protocol: Protocol,
  options: StubOptions & StubSourceOptions = {},
  whyNot: (exchange: Exchange) => string | undefined = () => undefined,
): Promise<Stub> {
  const { recordedPolicy, schemas = [], ...rest } = options;
  const resolved = resolveStubOptions(rest);
  if (typeof source === 'string') {
    await using capture = await openCapture(source);
    return await openStub(capture, protocol, options, whyNot);
  }
  const policy = 'header' in source ? source.header.policy : recordedPolicy;
  const masking = stubMasking(resolved.mask, policy);
  const registry = new SchemaRegistry();
  for (const data of schemas) {
    if (!registry.add(data)) throw notDescriptors();
    masking.masker?.mask({ type: 'schema', seq: 0, at: 0, format: 'protobuf', data });
  }
  const held = new Held(protocol, resolved.maxHeldBytes);
  if ('header' in source) {
    const assembler = new Assembler({ order: 'end' });
    for await (const event of source.events()) {
      if (event.type === 'schema') {
        registry.add(event.data);
        masking.masker?.mask(event);
      } else for (const exchange of assembler.push(event)) held.add(exchange);
    }
    for (const exchange of assembler.finish()) held.add(exchange);
  } else {
    for await (const exchange of source) held.add(exchange);
  }
  const exchanges = held.exchanges.sort((a, b) => a.startAt - b.startAt || a.seq - b.seq);
  return new Stub({ exchanges, registry, policy, whyNot }, resolved, masking);
}

/** Exchanges of one protocol, up to a limit of bytes. */
class Held {
  readonly exchanges: Exchange[] = [];
  readonly #protocol: Protocol;
  readonly #limit: number;
  #bytes = 0;

  constructor(protocol: Protocol, limit: number) {
    this.#protocol = protocol;
    this.#limit = limit;
  }

  add(exchange: Exchange): void {
    if (exchange.protocol !== this.#protocol) return;
    this.#bytes += costOf(exchange);
    if (this.#bytes > this.#limit) {
      throw new GardenhoseError(
        'capture-limit',
        `the recording holds more than a stub keeps in memory (maxHeldBytes, ${this.#limit}); serve a part of it by operations, or raise the limit`,
        { subject: 'maxHeldBytes' },
      );
    }
    this.exchanges.push(exchange);
  }
}

const exchangeCost = 2_048;

function costOf({ request, response }: Exchange): number {
  let bytes = exchangeCost;
  for (const content of [request, response]) {
    for (const { data } of content?.messages ?? []) bytes += 256 + data.length;
    for (const { data } of content?.chunks ?? []) bytes += 256 + data.length;
    for (const text of content?.headers ?? []) bytes += text.length;
  }
  return bytes;
}

function notDescriptors(): GardenhoseError {
  return new GardenhoseError(
    'invalid-option',
    'schemas must be serialised FileDescriptorSets, as `protoc --include_imports --descriptor_set_out` writes them',
    { subject: 'schemas' },
  );
}
