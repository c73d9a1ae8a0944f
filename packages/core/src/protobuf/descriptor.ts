import { eachField, nameAt, type Place, textAt, within } from './descriptor-reader.ts';
import { type Features, featuresInOptions, featuresOfSyntax } from './features.ts';
import { type FieldType, readField } from './field-type.ts';
import { MalformedWire, malformed, tooDeep, wire } from './wire.ts';

/** A message as its descriptor has it. */
export interface MessageType {
  readonly fullName: string;
  readonly fields: readonly FieldType[];
  readonly isMapEntry: boolean;
  readonly isMessageSet: boolean;
}

/** Where a message stands, and how its fields are written unless they say otherwise. */
export interface MessagePlace extends Place {
  readonly features: Features;
}

/** An extension, with names as they stand there: in its scope, unless they begin with a dot. */
export interface Extension {
  readonly scope: string;
  readonly extendee: string;
  readonly field: FieldType;
}

/** What is told of each thing in a set of descriptors. */
export interface DescriptorSink {
  message(fullName: string, place: MessagePlace): void;
  enum(fullName: string, place: Place): void;
  service?(fullName: string): void;
  extension(extension: Extension): void;
  /**
   * @param path - as in a request: `/shop.Orders/Get`
   * @param scope - where the names of its messages are looked up that do not begin with a dot
   * @param changesNothing - whether its `idempotency_level` is `NO_SIDE_EFFECTS`
   */
  method(path: string, scope: string, request: string, response: string, changesNothing: boolean): void;
}

/** Messages declared within each other. */
const deepestDeclaration = 32;
const fileFeatures = 50;
const messageFeatures = 12;

/**
 * Reads a serialised `google.protobuf.FileDescriptorSet`. Messages and enums are only found: {@link readMessage} reads one
 * when it is needed, since sets can be large.
 *
 * @returns false when the bytes are no such set; what was found before is told all the same
 */
export function readDescriptors(bytes: Uint8Array, sink: DescriptorSink): boolean {
  try {
    eachField({ bytes, start: 0, end: bytes.length }, (number, type, start, end) => {
      if (number === 1 && type === wire.bytes) readFile({ bytes, start, end }, sink);
    });
    return true;
  } catch (error) {
    if (error instanceof MalformedWire) return false;
    throw error;
  }
}

/**
 * Tells what one file of a set declares.
 *
 * @throws MalformedWire
 */
export function readFile(file: Place, sink: DescriptorSink): void {
  const { bytes } = file;
  let [scope, syntax] = ['', ''];
  let options: Place | undefined;
  eachField(file, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    if (number === 2) scope = nameAt(bytes, start, end);
    else if (number === 8) options = { bytes, start, end };
    else if (number === 12) syntax = textAt(bytes, start, end);
  });
  const ofSyntax = featuresOfSyntax(syntax);
  const features = options === undefined ? ofSyntax : featuresInOptions(options, fileFeatures, ofSyntax);
  eachField(file, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    const place = { bytes, start, end, features };
    if (number === 4) findMessage(place, scope, sink, 0);
    else if (number === 5) sink.enum(within(scope, nameOf(place)), place);
    else if (number === 6) readService(place, scope, sink);
    else if (number === 7) readExtension(place, scope, sink);
  });
}

/** The first field of messages, enums, services and methods is their name. */
function nameOf(place: Place): string {
  let name = '';
  eachField(place, (number, type, start, end) => {
    if (number === 1 && type === wire.bytes) name = nameAt(place.bytes, start, end);
  });
  return name;
}

function findMessage(place: MessagePlace, scope: string, sink: DescriptorSink, depth: number): void {
  if (depth > deepestDeclaration) throw tooDeep;
  const own = within(scope, nameOf(place));
  const { bytes } = place;
  let { features } = place;
  eachField(place, (number, type, start, end) => {
    if (number === 7 && type === wire.bytes)
      features = featuresInOptions({ bytes, start, end }, messageFeatures, features);
  });
  sink.message(own, { ...place, features });
  eachField(place, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    const inner = { bytes, start, end, features };
    if (number === 3) findMessage(inner, own, sink, depth + 1);
    else if (number === 4) sink.enum(within(own, nameOf(inner)), inner);
    else if (number === 6) readExtension(inner, own, sink);
  });
}

/** Of `google.protobuf.MethodOptions`, and its value. */
const idempotencyLevel = 34;
const noSideEffects = 1;

function readService(place: Place, scope: string, sink: DescriptorSink): void {
  const { bytes } = place;
  const service = within(scope, nameOf(place));
  sink.service?.(service);
  eachField(place, (number, type, start, end) => {
    if (number !== 2 || type !== wire.bytes) return;
    let [name, request, response] = ['', '', ''];
    let changesNothing = false;
    eachField({ bytes, start, end }, (part, partType, from, to) => {
      if (partType !== wire.bytes) return;
      if (part === 1) name = nameAt(bytes, from, to);
      else if (part === 2) request = nameAt(bytes, from, to);
      else if (part === 3) response = nameAt(bytes, from, to);
      else if (part === 4) {
        eachField({ bytes, start: from, end: to }, (option, type, _from, _to, value) => {
          if (option === idempotencyLevel && type === wire.varint) changesNothing = value === noSideEffects;
        });
      }
    });
    sink.method(`/${service}/${name}`, service, request, response, changesNothing);
  });
}

function readExtension(place: MessagePlace, scope: string, sink: DescriptorSink): void {
  let extendee = '';
  eachField(place, (number, type, start, end) => {
    if (number === 2 && type === wire.bytes) extendee = nameAt(place.bytes, start, end);
  });
  sink.extension({ scope, extendee, field: readField(place, scope, place.features, true) });
}

/** What compilers take, too. */
const mostFields = 65_535;

/**
 * A message at the place that was told for it.
 *
 * @throws MalformedWire
 */
export function readMessage(name: string, place: MessagePlace): MessageType {
  const { bytes, features } = place;
  const fields: FieldType[] = [];
  let [isMapEntry, isMessageSet] = [false, false];
  eachField(place, (number, type, start, end) => {
    if (type !== wire.bytes) return;
    if (number === 2) {
      if (fields.length >= mostFields) throw malformed;
      fields.push(readField({ bytes, start, end }, name, features, false));
    } else if (number === 7) {
      eachField({ bytes, start, end }, (option, optionType, _from, _to, value) => {
        if (optionType !== wire.varint) return;
        if (option === 1) isMessageSet = value !== 0;
        else if (option === 7) isMapEntry = value !== 0;
      });
    }
  });
  if (fields.some(({ number }) => number < 1 || number >= 2 ** 29)) throw malformed;
  return { fullName: name, fields, isMapEntry, isMessageSet };
}
