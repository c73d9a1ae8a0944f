import { BoundedMap } from './bounded-map.ts';
import type { Source } from './live-answer.ts';
import { bytesOfCookie, type LiveCookie } from './live-cookie.ts';
import type { Slot } from './live-slot.ts';

const maxCookies = 300_000;
/** That the renewals take in memory, about. */
const maxBytes = 64 * 1024 * 1024;
/** Newest renewals of one cookie that are remembered. */
const maxRenewals = 8;

/** A cookie that an answer set anew which had not when it was recorded. */
interface Renewal {
  readonly index: number;
  readonly at: number;
  readonly cookie: LiveCookie;
}

/** An exchange that sends a cookie and is not over. */
interface Sending {
  readonly index: number;
  readonly at: number;
}

/** Cookies that live answers set anew, of themselves: they are that from then on, for those who have them from the same answer. */
export class CookieRenewals {
  readonly #renewed = new BoundedMap<string, Renewal[]>(maxCookies, {
    mostBytes: maxBytes,
    bytesOf: (key, renewals) =>
      renewals.reduce((sum, { cookie }) => sum + bytesOfCookie(cookie), 128 + 2 * key.length),
  });
  readonly #sending = new Map<string, Sending[]>();

  /**
   * An exchange will send the cookie.
   *
   * @param at - when its recorded answer was over
   */
  sends(slot: Slot, index: number, at: number): void {
    const key = firstKey(slot);
    if (key === undefined) return;
    const others = this.#sending.get(key);
    if (others === undefined) this.#sending.set(key, [{ index, at }]);
    else others.push({ index, at });
  }

  /** It is over. */
  over(slot: Slot, index: number): void {
    const key = firstKey(slot);
    const left = key === undefined ? [] : (this.#sending.get(key) ?? []).filter((one) => one.index !== index);
    if (key === undefined) return;
    if (left.length === 0) this.#sending.delete(key);
    else this.#sending.set(key, left);
  }

  /** Exchanges that are not over, whose answers may yet set the cookie anew for one that began at `startAt`. */
  open(slot: Slot, index: number, startAt: number): number[] {
    const key = firstKey(slot);
    const sending = key === undefined ? undefined : this.#sending.get(key);
    return (sending ?? []).filter((one) => one.index < index && one.at <= startAt).map((one) => one.index);
  }

  /** An answer set it anew. */
  renew(slot: Slot, source: Source, renewal: Renewal): void {
    const key = renewalKey(slot, source);
    const known = this.#renewed.get(key) ?? [];
    this.#renewed.set(key, [...known.slice(1 - maxRenewals), renewal]);
  }

  /** The cookie as it is for an exchange that began at `startAt`; undefined where it is still as `source` told it. */
  newest(slot: Slot, source: Source, startAt: number): LiveCookie | undefined {
    return this.#renewed
      .get(renewalKey(slot, source))
      ?.findLast(({ index, at }) => index > source.index && at >= source.at && at <= startAt)?.cookie;
  }
}

/** A cookie is renewed for those who have it from the same answer: what was recorded alike, masked to one text, may be of two sessions. */
function renewalKey({ key }: Slot, { index }: Source): string {
  return `${index} ${key}`;
}

function firstKey(slot: Slot): string | undefined {
  const [source] = slot.sources;
  return source === undefined ? undefined : renewalKey(slot, source);
}
