/** The value detectors, by number. */
export const detectorIds = [
  'email',
  'card',
  'iban',
  'jwt',
  'bearer',
  'api-key',
  'private-key',
  'url-userinfo',
  'assignment',
  'ssn',
  'phone',
  'ip',
] as const;
export type DetectorId = (typeof detectorIds)[number];

const types: Readonly<Record<DetectorId, string>> = {
  email: 'email',
  card: 'card',
  iban: 'iban',
  jwt: 'secret',
  bearer: 'secret',
  'api-key': 'secret',
  'private-key': 'secret',
  'url-userinfo': 'secret',
  assignment: 'secret',
  ssn: 'ssn',
  phone: 'phone',
  ip: 'ip',
};

/** The semantic type of what a detector finds. */
export function detectorType(id: DetectorId): string {
  return types[id];
}

export function detectorRuleId(id: DetectorId): `default/detect/${DetectorId}` {
  return `default/detect/${id}`;
}

/** Detector numbers, as `Detectors.kinds` has them. */
export const detectorNumber: Readonly<Record<DetectorId, number>> = {
  email: detectorIds.indexOf('email'),
  card: detectorIds.indexOf('card'),
  iban: detectorIds.indexOf('iban'),
  jwt: detectorIds.indexOf('jwt'),
  bearer: detectorIds.indexOf('bearer'),
  'api-key': detectorIds.indexOf('api-key'),
  'private-key': detectorIds.indexOf('private-key'),
  'url-userinfo': detectorIds.indexOf('url-userinfo'),
  assignment: detectorIds.indexOf('assignment'),
  ssn: detectorIds.indexOf('ssn'),
  phone: detectorIds.indexOf('phone'),
  ip: detectorIds.indexOf('ip'),
};
