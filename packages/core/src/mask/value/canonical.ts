/** Those that the detectors take between digits are all among them. */
const separators = /[\s()./-]/g;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The form in which two spellings of one value are the same: what a token is made from. UUIDs of any type are put in
 * lower case; else values of types that this does not know are compared as they are.
 */
export function canonicalValue(type: string, text: string): string {
  if (isUuid(text)) return text.toLowerCase();
  switch (type) {
    case 'email':
      return text.trim().toLowerCase();
    case 'phone':
    case 'card':
    case 'iban':
    case 'ssn':
      return text.replace(separators, '').toUpperCase();
    case 'ip':
      return canonicalIp(text.trim()) ?? text.trim().toLowerCase();
    case 'device':
      return text.trim().toLowerCase();
    default:
      return text;
  }
}

export function isUuid(text: string): boolean {
  return text.length === 36 && text.charCodeAt(8) === 45 && uuid.test(text);
}

/**
 * A number of JSON as decimal text, without exponent and without zeros that say nothing, so that `4711`, `4711.0` and
 * `4.711e3` are the text `4711`. One that would be longer than 64 digits stays as it is written.
 */
export function canonicalNumber(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point < -64 || point > 64 || digits.length > 64) return text;
  const before =
    digits
      .slice(0, Math.max(point, 0))
      .padEnd(point, '0')
      .replace(/^0+(?=\d)/, '') || '0';
  const after = trimEnd('0'.repeat(Math.max(-point, 0)) + digits.slice(Math.max(point, 0)));
  const value = after === '' ? before : `${before}.${after}`;
  return value === '0' ? value : sign + value;
}

function trimEnd(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}

/** One spelling for each IPv4 or IPv6 address, or undefined when `text` is neither. Port and brackets are not taken. */
export function canonicalIp(text: string): string | undefined {
  if (text.length < 2 || text.length > 45) return undefined;
  if (isIpv4(text)) return text;
  return text.includes(':') ? canonicalIpv6(text.toLowerCase()) : undefined;
}

function isIpv4(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return match?.slice(1).every((octet) => Number(octet) <= 255) ?? false;
}

function canonicalIpv6(text: string): string | undefined {
  const [address = '', ...zones] = text.split('%');
  if (zones.length > 1) return undefined;
  const halves = address.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  // An IPv4 address in IPv6 clothes is that IPv4 address.
  if (all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff) {
    const [high = 0, low = 0] = all.slice(6);
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return all.map((group) => group.toString(16)).join(':');
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const numbers: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/.test(part)) numbers.push(Number.parseInt(part, 16));
    else if (i === parts.length - 1 && isIpv4(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      numbers.push(a * 256 + b, c * 256 + d);
    } else return undefined;
  }
  return numbers.length > 8 ? undefined : numbers;
}

/** The address of `1.2.3.4:80`, `[::1]:80` or a bare address; undefined when there is none. */
export function addressOf(text: string): string | undefined {
  const bracketed = /^\[([^\]]{2,45})\](?::\d{1,5})?$/.exec(text);
  if (bracketed?.[1] !== undefined) return canonicalIp(bracketed[1]);
  const withPort = /^([\d.]{7,15}):\d{1,5}$/.exec(text);
  return canonicalIp(withPort?.[1] ?? text);
}
