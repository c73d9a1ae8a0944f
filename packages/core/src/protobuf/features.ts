import { eachField, type Place } from './descriptor-reader.ts';
import { wire } from './wire.ts';

/** How fields are written unless they say otherwise: by the syntax or the features (editions) of what they stand in. */
export interface Features {
  /** A field that is not set is told from one with its default value. */
  readonly presence: boolean;
  /** Numbers of a list are written behind one length. */
  readonly packed: boolean;
  /** Messages are written as groups. */
  readonly delimited: boolean;
}

export const proto2: Features = { presence: true, packed: false, delimited: false };
export const proto3: Features = { presence: false, packed: true, delimited: false };
const editions: Features = { presence: true, packed: true, delimited: false };

/** Of a file, by its `syntax` field. Without one it is proto2. */
export function featuresOfSyntax(syntax: string): Features {
  if (syntax === 'editions') return editions;
  return syntax === 'proto3' ? proto3 : proto2;
}

const implicitPresence = 2;
const expanded = 2;
const delimited = 2;

/**
 * What a `google.protobuf.FeatureSet` changes.
 *
 * @throws MalformedWire
 */
export function readFeatures(place: Place, around: Features): Features {
  let features = around;
  eachField(place, (number, type, _start, _end, value) => {
    if (type !== wire.varint || value === 0) return;
    if (number === 1) features = { ...features, presence: value !== implicitPresence };
    else if (number === 3) features = { ...features, packed: value !== expanded };
    else if (number === 5) features = { ...features, delimited: value === delimited };
  });
  return features;
}

/**
 * What the options of a file, a message or a field change: their features stand in the field of this number.
 *
 * @throws MalformedWire
 */
export function featuresInOptions(place: Place, number: number, around: Features): Features {
  let features = around;
  eachField(place, (found, type, start, end) => {
    if (found === number && type === wire.bytes)
      features = readFeatures({ bytes: place.bytes, start, end }, features);
  });
  return features;
}
