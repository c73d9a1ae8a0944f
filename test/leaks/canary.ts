// Put together at run time: secret-shaped text in a source file alarms those who look for it.

/** One canary, told from all others by its number, in the shapes that policies know. */
export interface Canary {
  readonly number: number;
  /** A word that only the name beside it gives away. */
  readonly word: string;
  readonly email: string;
  /** Passes the Luhn check. */
  readonly card: string;
  /** Passes the check modulo 97. */
  readonly iban: string;
  /** In the form of E.164. */
  readonly phone: string;
  readonly ssn: string;
  /** A web token with the word in a claim. */
  readonly jwt: string;
  readonly apiKey: string;
  /** An address that connections can come from: all of 127.0.0.0/8 is this machine. */
  readonly ip: string;
  /** Twelve digits, as a number whose name alone gives it away. */
  readonly digits: string;
}
export type CanaryKind = Exclude<keyof Canary, 'number'>;

/**
 * What all canaries have in common, whatever their number: found, one of them leaked. Words have two, so that neither
 * their beginning nor their end can leak alone.
 */
export const stems = {
  word: 'zQx7kVw3J',
  end: 'mUd5BqT2y',
  /** The beginning of the claims of a web token. */
  jwt: Buffer.from('{"sub":"zQx7kVw3J').toString('base64url').slice(0, 22),
  // Not periodic: quotients are printed, too.
  card: '4929381357',
  iban: '3704004405',
  phone: '+49151234567',
  ssn: '512-37-',
  apiKey: `AKIA${'QWERTZUIOP98'}`,
  ip: '127.201.',
  digits: '77137713',
} as const;

export function canary(number: number): Canary {
  const id = String(number).padStart(4, '0');
  const word = `${stems.word}${id}${stems.end}`;
  const claims = Buffer.from(JSON.stringify({ sub: word })).toString('base64url');
  return {
    number,
    word,
    email: `${word}@example.com`,
    card: withLuhn(`${stems.card}${id}1`),
    iban: withIbanCheck('DE', `${stems.iban}${id}3000`),
    phone: `${stems.phone}${id.slice(-3)}`,
    ssn: `${stems.ssn}${id}`,
    jwt: ['eyJhbGciOiJIUzI1NiJ9', claims, 'c2lnbmF0dXJl'].join('.'),
    apiKey: `${stems.apiKey}${id}`,
    ip: `${stems.ip}${Math.floor(number / 250)}.${(number % 250) + 1}`,
    digits: `${stems.digits}${id}`,
  };
}

function withLuhn(digits: string): string {
  let sum = 0;
  [...digits].reverse().forEach((digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  });
  return digits + String((10 - (sum % 10)) % 10);
}

function withIbanCheck(country: string, account: string): string {
  const digits = [...`${account}${country}00`].map((letter) => Number.parseInt(letter, 36)).join('');
  return `${country}${String(98n - (BigInt(digits) % 97n)).padStart(2, '0')}${account}`;
}
