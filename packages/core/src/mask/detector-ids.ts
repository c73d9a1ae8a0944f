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
