import { createMasker } from '../../../src/mask/create-masker.ts';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import type { AuditEntry, CaptureEvent, ContentState, Side } from '../../../src/model/event.ts';
import { aStart } from '../../../src/testing/factories.ts';
import { aPolicy } from '../support.ts';

export interface MaskedCall {
  readonly data: Buffer | undefined;
  readonly state: ContentState;
  readonly entries: readonly AuditEntry[];
}

/** What a masker makes of messages of the method `/test.Service/Call`, both of whose sides are `test.Message`. */
export function callMasker(
  schema: Uint8Array | undefined,
  policy: Partial<Policy> = {},
): ((bytes: Uint8Array | readonly number[], path?: string, type?: string, side?: Side) => MaskedCall) & {
  readonly describe: (schema: Uint8Array) => void;
} {
  const masker = createMasker(aPolicy(policy));
  const describe = (data: Uint8Array): void => {
    masker.mask({ type: 'schema', seq: 1, at: 1, format: 'protobuf', data });
  };
  if (schema !== undefined) describe(schema);
  let exchange = 0;
  const call = (
    bytes: Uint8Array | readonly number[],
    path = '/test.Service/Call',
    type = 'application/grpc',
    side: Side = 'request',
  ): MaskedCall => {
    exchange++;
    const stamp = { seq: exchange, at: exchange, exchange };
    const data = Uint8Array.from(bytes);
    const message = { side, index: 0, kind: 0, size: data.length, state: 'kept', data } as const;
    const start = {
      ...aStart({
        protocol: 'grpc',
        version: '2',
        method: 'POST',
        target: path,
        headers: ['content-type', type],
      }),
    };
    const events: CaptureEvent[] = [
      { type: 'start', ...stamp, ...start, sampleRate: 1 },
      { type: 'message', ...stamp, ...message },
      { type: 'abort', ...stamp, by: 'client', code: '' },
    ];
    const out = events.flatMap((event) => masker.mask(event));
    const masked = out.find((event) => event.type === 'message');
    const audit = out.find((event) => event.type === 'audit');
    if (masked === undefined) throw new Error('no message came out');
    return {
      data: masked.data === undefined ? undefined : Buffer.from(masked.data),
      state: masked.state,
      entries: audit?.entries ?? [],
    };
  };
  return Object.assign(call, { describe });
}
