import descriptor from 'protobufjs/ext/descriptor.js';

/** A serialised FileDescriptorSet of one file, which is given as JSON. */
export function descriptorSet(file: Record<string, unknown>): Uint8Array {
  const { FileDescriptorSet } = descriptor;
  return FileDescriptorSet.encode(FileDescriptorSet.fromObject({ file: [file] })).finish();
}
