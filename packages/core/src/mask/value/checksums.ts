/** Whether the digits (char codes less 48) pass the Luhn check of ISO/IEC 7812 and begin as a known card does. */
export function isCardNumber(digits: Uint8Array, length: number): boolean {
  return length >= 13 && length <= 19 && knownIssuer(digits, length) && passesLuhn(digits, length);
}

function passesLuhn(digits: Uint8Array, length: number): boolean {
  let sum = 0;
  for (let i = length - 1, double = false; i >= 0; i--, double = !double) {
    const digit = digits[i] ?? 0;
    sum += double ? (digit < 5 ? digit * 2 : digit * 2 - 9) : digit;
  }
  return sum % 10 === 0;
}

function knownIssuer(digits: Uint8Array, length: number): boolean {
  const four = (digits[0] ?? 0) * 1000 + (digits[1] ?? 0) * 100 + (digits[2] ?? 0) * 10 + (digits[3] ?? 0);
  const two = Math.floor(four / 100);
  const three = Math.floor(four / 10);
  if (digits[0] === 4) return length === 13 || length === 16 || length === 19;
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length === 16;
  if (two === 34 || two === 37) return length === 15;
  if ((three >= 300 && three <= 305) || two === 36 || two === 38 || two === 39) return length >= 14;
  if (four >= 3528 && four <= 3589) return length >= 16;
  if (four === 6011 || two === 65 || (three >= 644 && three <= 649)) return length >= 16;
  if (two === 62 || two === 60) return length >= 16;
  // Maestro.
  return two === 50 || (two >= 56 && two <= 58) || two === 63 || two === 67;
}

/** Length of an IBAN by its country (ISO 13616 registry). */
const ibanLengths = new Map<string, number>(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 ' +
    'FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 ' +
    'LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 ' +
    'SD18 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
/** The same, by the two letters as a number, so that no string is made for bytes that are no IBAN. */
const ibanLengthTable: Uint8Array = new Uint8Array(26 * 26);
for (const [country, length] of ibanLengths) {
  ibanLengthTable[(country.charCodeAt(0) - 65) * 26 + country.charCodeAt(1) - 65] = length;
}

/** Length of an IBAN that begins with these two capital letters; 0 when no country has them. */
export function ibanLength(first: number, second: number): number {
  return ibanLengthTable[(first - 65) * 26 + second - 65] ?? 0;
}

/** The check of ISO 7064 MOD 97-10 over an IBAN without spaces, given as bytes of digits and capital letters. */
export function passesMod97(iban: Uint8Array, length: number): boolean {
  let rest = 0;
  for (let i = 0; i < length; i++) {
    const code = iban[(i + 4) % length] ?? 0;
    rest = code <= 57 ? (rest * 10 + code - 48) % 97 : (rest * 100 + code - 55) % 97;
  }
  return rest === 1;
}

/** The digit that makes the digits of a text, followed by it, pass the Luhn check. Other characters count for nothing. */
export function luhnDigit(text: string): number {
  let sum = 0;
  let double = true;
  for (let i = text.length - 1; i >= 0; i--) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) continue;
    sum += double ? (digit < 5 ? digit * 2 : digit * 2 - 9) : digit;
    double = !double;
  }
  return (10 - (sum % 10)) % 10;
}

/** Whether the digits of a text pass the Luhn check. */
export function passesLuhnText(text: string): boolean {
  const digits = digitsOf(text);
  return passesLuhn(digits, digits.length);
}

/** Whether the digits of a text are a card's number to all who look. */
export function looksLikeCard(text: string): boolean {
  const digits = digitsOf(text);
  return isCardNumber(digits, digits.length);
}

function digitsOf(text: string): Uint8Array {
  const digits = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) digits[length++] = digit;
  }
  return digits.subarray(0, length);
}
