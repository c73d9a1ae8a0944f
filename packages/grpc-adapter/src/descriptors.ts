import type { TapTarget } from '@gardenhose/core';
import { reportFailure } from '@gardenhose/core/adapter';

/** Hands over what the messages of a service are made of, where it is known. Never throws. */
export function describeService(target: TapTarget, service: unknown): void {
  if (target.describe === undefined) return;
  try {
    const set = typeof service === 'object' && service !== null ? descriptorSetOf(service) : undefined;
    if (set !== undefined) target.describe(set);
  } catch (error) {
    reportFailure(target, error);
  }
}

/**
 * The descriptors that a service carries when `@grpc/proto-loader` made it, as a serialised
 * `google.protobuf.FileDescriptorSet`; undefined where it carries none.
 */
export function descriptorSetOf(service: object): Uint8Array | undefined {
  const files = new Map<string, Uint8Array>();
  const seen = new Set<unknown>();
  for (const method of Object.values(service)) {
    for (const type of [fieldOf(method, 'requestType'), fieldOf(method, 'responseType')]) {
      const list = fieldOf(type, 'fileDescriptorProtos');
      // All methods of a package share one list.
      if (!Array.isArray(list) || seen.has(list)) continue;
      seen.add(list);
      for (const file of list) {
        if (file instanceof Uint8Array && !seen.has(file)) {
          seen.add(file);
          files.set(Buffer.from(file).toString('latin1'), file);
        }
      }
    }
  }
  return files.size === 0 ? undefined : Buffer.concat([...files.values()].flatMap(asField1));
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** `repeated FileDescriptorProto file = 1`. */
function asField1(file: Uint8Array): Uint8Array[] {
  const head = [0x0a];
  let length = file.length;
  for (; length >= 0x80; length = Math.floor(length / 0x80)) head.push((length % 0x80) | 0x80);
  return [Uint8Array.from([...head, length]), file];
}
