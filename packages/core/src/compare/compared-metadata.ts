import type { HeaderList } from '../model/headers.ts';
import { isJsonObject } from '../model/json-value.ts';
import { statusType } from '../protobuf/known-types.ts';
import { viewMessage } from '../protobuf/message-view.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { comparedHeaders } from './compared-headers.ts';

/** What gRPC's libraries write for themselves: how messages are packed, and what is told by the status. */
const notMetadata: ReadonlySet<string> = new Set([
  'content-type',
  'date',
  'grpc-status',
  'grpc-encoding',
  'grpc-accept-encoding',
  'accept-encoding',
]);

/**
 * The metadata of a gRPC call that is compared.
 *
 * @param registry - by which the details of a status are told as fields
 */
export function comparedMetadata(metadata: HeaderList, registry: SchemaRegistry): Record<string, string[]> {
  const out: Record<string, string[]> = Object.create(null);
  for (const [name, values] of Object.entries(comparedHeaders(metadata))) {
    if (notMetadata.has(name)) continue;
    if (name === 'grpc-message') out[name] = values.map(percentDecoded);
    else if (!name.endsWith('-bin')) out[name] = values;
    else {
      const plain = values.flatMap(binaryValues);
      out[name] =
        name === 'grpc-status-details-bin' ? plain.map((value) => detailsOf(value, registry)) : plain;
    }
  }
  return out;
}

/** Libraries differ in which characters of a status message they encode. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Several may stand behind each other, and the padding of base64 may be left out. */
function binaryValues(text: string): string[] {
  return text.split(',').map((value) => value.trim().replace(/={1,2}$/, ''));
}

/** The fields of a status as JSON, always in the same order; what cannot be told whole stays as it is. */
function detailsOf(base64: string, registry: SchemaRegistry): string {
  const view = viewMessage(registry, statusType, Buffer.from(base64, 'base64'), { defaults: true });
  if ('problem' in view || view.unread.length > 0) return base64;
  return JSON.stringify(view.value, (_name, value) =>
    isJsonObject(value) ? Object.fromEntries(Object.entries(value).sort(byName)) : value,
  );
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
