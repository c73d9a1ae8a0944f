import { SchemaSet } from '../model/schema-set.ts';
import type { Capture } from './open-capture.ts';

/**
 * The schemas of messages that a capture holds, each once: a serialised `google.protobuf.FileDescriptorSet`. Those over the
 * limits on schemas are left out. Reads no further than to the last one.
 *
 * @throws GardenhoseError as reading the events does
 */
export async function readSchemas(capture: Capture): Promise<Uint8Array[]> {
  const { types } = await capture.summary();
  let left = types.schema ?? 0;
  const schemas: Uint8Array[] = [];
  if (left === 0) return schemas;
  const seen = new SchemaSet();
  for await (const event of capture.events()) {
    if (event.type !== 'schema') continue;
    if (seen.add(event.data) === 'new') schemas.push(event.data);
    left--;
    if (left === 0) break;
  }
  return schemas;
}
