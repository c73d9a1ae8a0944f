/** The status of a call, with details of any type: what `grpc-status-details-bin` holds. */
export const statusType = 'google.rpc.Status';

export const anyType = 'google.protobuf.Any';

/** A descriptor of the two messages that masking needs and that few schemas have: `google.protobuf.Any`, `google.rpc.Status`. */
export const builtInSchema: Uint8Array = Buffer.concat([
  file(
    'google/protobuf/any.proto',
    'google.protobuf',
    message('Any', field('type_url', 1, 9), field('value', 2, 12)),
  ),
  file(
    'google/rpc/status.proto',
    'google.rpc',
    message('Status', field('code', 1, 5), field('message', 2, 9), field('details', 3, 11, `.${anyType}`)),
  ),
]);

function part(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.of(number * 8 + 2, (bytes.length & 0x7f) | 0x80, bytes.length >> 7), bytes]);
}

function file(name: string, packageName: string, type: Buffer): Buffer {
  return part(1, Buffer.concat([part(1, name), part(2, packageName), part(4, type)]));
}

function message(name: string, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([part(1, name), ...fields.map((each) => part(2, each))]);
}

/** A field of a message is repeated here: there is but one. */
function field(name: string, number: number, type: number, typeName = ''): Buffer {
  const label = typeName === '' ? 1 : 3;
  const head = [part(1, name), Buffer.of(0x18, number, 0x20, label, 0x28, type)];
  return Buffer.concat(typeName === '' ? head : [...head, part(6, typeName)]);
}
