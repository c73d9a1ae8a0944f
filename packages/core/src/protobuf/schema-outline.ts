import { schemaLimits } from '../model/schema-set.ts';
import { readFile } from './descriptor.ts';
import { eachField, type Place, textAt } from './descriptor-reader.ts';
import { MalformedWire, tooLarge, wire } from './wire.ts';

/** A file of a schema. */
export interface SchemaFile {
  /** As others import it: `shop/orders.proto`. */
  readonly name: string;
  /** The files that it cannot be read without. */
  readonly imports: readonly string[];
  /** Full names. */
  readonly services: readonly string[];
  /** How many messages, enums, extensions and methods it declares. */
  readonly declarations: number;
  /** Its `google.protobuf.FileDescriptorProto`, without comments and places in the source. */
  readonly descriptor: Uint8Array;
}

const sourceCodeInfo = 9;
/** Files, imports and declarations of one set. Each takes many times the memory that it has bytes. */
const mostParts = 2 * schemaLimits.declarations;

/**
 * What files a serialised `google.protobuf.FileDescriptorSet` is made of; undefined for what is none, or holds more than 400,000
 * files, imports and declarations.
 *
 * @example
 * outlineSchema(readFileSync('shop.binpb'))?.map(({ name }) => name); // ['google/protobuf/empty.proto', 'shop/orders.proto']
 */
export function outlineSchema(schema: Uint8Array): SchemaFile[] | undefined {
  const files: SchemaFile[] = [];
  let parts = 0;
  const count = () => {
    if (++parts > mostParts) throw tooLarge;
  };
  try {
    eachField({ bytes: schema, start: 0, end: schema.length }, (number, type, start, end) => {
      if (number !== 1 || type !== wire.bytes) return;
      count();
      files.push(outlineFile({ bytes: schema, start, end }, count));
    });
  } catch (error) {
    if (error instanceof MalformedWire) return undefined;
    throw error;
  }
  return files;
}

function outlineFile(file: Place, countPart: () => void): SchemaFile {
  const { bytes } = file;
  let name = '';
  const plain: string[] = [];
  const weak = new Set<number>();
  const forOptions: string[] = [];
  const kept: Uint8Array[] = [];
  let from = file.start;
  let at = file.start;
  eachField(file, (number, type, start, end, value) => {
    if (number === 3 || number === 11 || number === 15) countPart();
    if (type === wire.bytes && number === 1) name = textAt(bytes, start, end);
    else if (type === wire.bytes && number === 3) plain.push(textAt(bytes, start, end));
    else if (type === wire.varint && number === 11) weak.add(value);
    else if (type === wire.bytes && number === 15) forOptions.push(textAt(bytes, start, end));
    if (number === sourceCodeInfo) {
      if (at > from) kept.push(bytes.subarray(from, at));
      countPart();
      from = end;
    }
    at = end;
  });
  if (at > from) kept.push(bytes.subarray(from, at));
  let declarations = 0;
  const services: string[] = [];
  const count = () => {
    countPart();
    declarations++;
  };
  readFile(file, {
    message: count,
    enum: count,
    extension: count,
    service: (name) => {
      countPart();
      services.push(name);
    },
    method: count,
  });
  return {
    name,
    imports: [...plain.filter((_, i) => !weak.has(i)), ...forOptions],
    services: [...new Set(services)],
    declarations,
    descriptor: Buffer.concat(kept),
  };
}
