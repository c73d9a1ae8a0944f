import type { Source } from './live-answer.ts';
import { strengthOf } from './value-strength.ts';

/** What live values say of a value that is another than recorded: it is the one that stands for it, or it should be another. */
export type Explanation = 'explained' | 'wrong';

/** Pieces of a longer text that may be values: of URLs and cookies, and of words around them. */
const pieces: readonly RegExp[] = [/[\w.~+/%-]+={0,2}/g, /[\w-]+/g];
const longestText = 256 * 1024;

/**
 * Which live values stand for recorded ones in the answer to an exchange: those that earlier answers told, and what it told itself
 * in places that later requests take values from. Holds live values, as what it is made of does.
 */
export class LiveNames {
  readonly #index: number;
  readonly #told: readonly Source[];
  readonly #sourcesOf: (text: string) => readonly Source[];

  /**
   * @param told - What the exchange told itself
   * @param sourcesOf - Answers that told a value, the first one first
   */
  constructor(index: number, told: readonly Source[], sourcesOf: (text: string) => readonly Source[]) {
    this.#index = index;
    this.#told = told;
    this.#sourcesOf = sourcesOf;
  }

  /**
   * Whether a live value is what a recorded one became; undefined where nothing is known of that.
   *
   * @param path - Where it stands, as compare has it: `body:$.items[3].id`, `header:location`
   */
  explain(recorded: string, replayed: string, path: string): Explanation | undefined {
    if (recorded.length > longestText) return undefined;
    const known = this.#live(recorded, path);
    if (known !== undefined) {
      if (known === replayed) return 'explained';
      // What says little may stand here by chance.
      return strengthOf(recorded) === 'strong' ? 'wrong' : undefined;
    }
    const is = (piece: RegExp) =>
      recorded.replace(piece, (text) => this.#live(text, path) ?? text) === replayed;
    return pieces.some(is) ? 'explained' : undefined;
  }

  #live(text: string, path: string): string | undefined {
    const strength = strengthOf(text);
    const first =
      strength === 'none'
        ? undefined
        : this.#sourcesOf(text).find(({ index, live }) => index < this.#index && live !== undefined);
    if (first !== undefined) return first.live?.text;
    const isIt = ({ leaf, live }: Source) => live !== undefined && (leaf.text === text || leaf.raw === text);
    return this.#told.find((source) => isIt(source) && (strength !== 'none' || standsAt(source, path)))?.live
      ?.text;
  }
}

/** Whether a source is what stands at a path of compare. What says little is known in its own place alone. */
function standsAt({ leaf: { place, pointer } }: Source, path: string): boolean {
  const colon = path.indexOf(':');
  const [part, rest] = [path.slice(0, colon), path.slice(colon + 1)];
  if (part === 'body') {
    const message = /^message\[(\d+)\]\.\$(.*)$/s.exec(pointer);
    return message === null ? pointer === `body.${rest}` : rest === `$[${message[1]}]${message[2]}`;
  }
  return rest === 'set-cookie' ? place.startsWith('set-cookie.') : place === `header.${rest}`;
}
