const dayMs = 86_400_000;
const iso = /^(\d{4}-\d\d-\d\d)([Tt ])(\d\d:\d\d)(:\d\d)?([.,]\d{1,9})?(Z|z|[+-]\d\d:?\d\d)?$/;
const day = /^\d{4}-\d\d-\d\d$/;
/** The only form of RFC 9110 section 5.6.7 that is still made. */
const imf =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;
/** What fields that hold a time are called: `createdAt`, `expires_at`, `timestamp`, `since`. */
const timeName =
  /(?:^|[_.-])(?:at|on|ts|time|timestamp|date|datetime|iat|nbf|exp|expires|expiry|since|until|before|after|from|to|start|end|deadline|due)$|[a-z](?:At|On|Ts|Time|Timestamp|Date|Since|Until|Expires|Expiry|Deadline|Start|End)$/;
/** Times that are further from the recording are no times of its traffic. */
const nearMs = 20 * 365 * dayMs;

/**
 * A time as text, moved, in the form that it had: dates and times of ISO 8601 with their zone and as many digits, dates of HTTP, and
 * seconds or milliseconds since 1970 where the name of the field says that they are a time. Undefined for what is none. A date alone moves by
 * whole days.
 *
 * @param name - of the field, the last of its place
 * @param nearTo - milliseconds since 1970
 */
export function movedTime(text: string, name: string, byMs: number, nearTo: number): string | undefined {
  if (text.length < 10 || text.length > 40) return undefined;
  const near = (ms: number) => Math.abs(ms - nearTo) < nearMs;
  if (/^\d+$/.test(text)) {
    const unit = text.length === 10 ? 1_000 : text.length === 13 ? 1 : 0;
    if (unit === 0 || !timeName.test(name) || !near(Number(text) * unit)) return undefined;
    return String(Number(text) + Math.round(byMs / unit));
  }
  if (day.test(text)) {
    const ms = Date.parse(text);
    return near(ms) ? new Date(ms + Math.round(byMs / dayMs) * dayMs).toISOString().slice(0, 10) : undefined;
  }
  if (imf.test(text)) {
    const ms = Date.parse(text);
    return near(ms) ? new Date(ms + Math.round(byMs / 1_000) * 1_000).toUTCString() : undefined;
  }
  const match = iso.exec(text);
  return match === null ? undefined : movedIso(match, byMs, near);
}

function movedIso(match: RegExpExecArray, byMs: number, near: (ms: number) => boolean): string | undefined {
  const [, date = '', between = '', clock = '', seconds = '', fraction = '', zone = ''] = match;
  const digits = fraction.slice(1);
  // What is finer than milliseconds stays as it is.
  const [millis, rest] = [digits.slice(0, 3).padEnd(3, '0'), digits.slice(3)];
  const ms = Date.parse(`${date}T${clock}${seconds || ':00'}.${millis}Z`);
  // The same wall clock, whatever the zone: its distance from UTC does not change.
  if (Number.isNaN(ms) || !near(ms)) return undefined;
  const grain = digits.length >= 3 ? 1 : seconds === '' ? 60_000 : 10 ** (3 - digits.length);
  const moved = new Date(ms + Math.round(byMs / grain) * grain).toISOString();
  const written = digits === '' ? '' : `${fraction[0]}${moved.slice(20, 23).slice(0, digits.length)}${rest}`;
  return `${moved.slice(0, 10)}${between}${moved.slice(11, 16)}${seconds === '' ? '' : moved.slice(16, 19)}${written}${zone}`;
}
