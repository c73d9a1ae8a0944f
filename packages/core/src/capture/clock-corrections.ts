import { estimateSkew, type PairedExchange, type SkewEstimate } from './clock-skew.ts';
import type { ClockCorrection } from './merge-header.ts';
import { uncorrected } from './merge-header.ts';

/** What was found of one recording's clock, and by what. */
export interface ClockFinding extends ClockCorrection {
  /** The recording, from 0, whose clock it was compared with; undefined for those that no exchange joins with another, and for the first. */
  readonly against?: number | undefined;
  /** Exchanges that both recorded, and how many of them agree with the estimate. */
  readonly pairs: number;
  readonly agree: number;
}

/** Pairs that are kept of two recordings. */
const maxPairs = 16_384;

/** Collects pairs per two recordings. Beyond the limit every second is given up, and from then on every second is kept, and so on. */
export class PairTable {
  readonly #links = new Map<string, { pairs: PairedExchange[]; every: number; seen: number }>();

  add(pair: PairedExchange): void {
    const name = `${pair.client} ${pair.server}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = { pairs: [], every: 1, seen: 0 };
      this.#links.set(name, link);
    }
    if (link.seen++ % link.every !== 0) return;
    link.pairs.push(pair);
    if (link.pairs.length < maxPairs) return;
    link.pairs = link.pairs.filter((_, i) => i % 2 === 0);
    link.every *= 2;
  }

  /** Between every two recordings that have some. Each pair stands for both ways. */
  estimates(): readonly Link[] {
    return Array.from(this.#both().values(), (pairs) => {
      const [first] = pairs;
      const estimate = estimateSkew(pairs);
      return first === undefined || estimate === undefined
        ? []
        : [{ client: first.client, server: first.server, estimate }];
    }).flat();
  }

  /** Two services may ask each other. */
  #both(): Map<string, PairedExchange[]> {
    const both = new Map<string, PairedExchange[]>();
    for (const { pairs } of this.#links.values()) {
      for (const pair of pairs) {
        const turned = pair.client > pair.server;
        const name = turned ? `${pair.server} ${pair.client}` : `${pair.client} ${pair.server}`;
        const list = both.get(name) ?? [];
        list.push(
          turned
            ? { at: pair.at, client: pair.server, server: pair.client, low: -pair.high, high: -pair.low }
            : pair,
        );
        both.set(name, list);
      }
    }
    return both;
  }
}

interface Link {
  readonly client: number;
  readonly server: number;
  readonly estimate: SkewEstimate;
}

/** `time => scale * time + shift`, from a recording's own time on the common scale to that of the first recording. */
interface Line {
  readonly scale: number;
  readonly shift: number;
  readonly errorNs: number;
  readonly finding: Pick<ClockFinding, 'against' | 'pairs' | 'agree'>;
}

/**
 * Says how to put the clocks of recordings right: by that of the first, from recording to recording along the links that are known best.
 * Those that no link reaches are put right among themselves, by the first of them, whose wall clock is believed.
 *
 * @param offsetsNs - Where each recording's anchor stands on the scale that the pairs are on, by its own wall clock
 */
export function clockFindings(links: readonly Link[], offsetsNs: readonly number[]): ClockFinding[] {
  const lines: (Line | undefined)[] = offsetsNs.map(() => undefined);
  for (const root of offsetsNs.keys()) {
    if (lines[root] !== undefined) continue;
    lines[root] = { scale: 1, shift: 0, errorNs: 0, finding: { pairs: 0, agree: 0 } };
    for (let next = nearest(links, lines); next !== undefined; next = nearest(links, lines)) {
      lines[next.place] = next.line;
    }
  }
  return lines.map((line, place) => {
    if (line === undefined || line.finding.against === undefined)
      return { ...uncorrected, pairs: 0, agree: 0 };
    const offset = offsetsNs[place] ?? 0;
    return {
      skewNs: (line.scale - 1) * offset + line.shift,
      driftPpm: (line.scale - 1) * 1e6,
      skewErrorNs: line.errorNs,
      ...line.finding,
    };
  });
}

/** The recording that can be put right best, of those that are linked with one that is. */
function nearest(
  links: readonly Link[],
  lines: readonly (Line | undefined)[],
): { readonly place: number; readonly line: Line } | undefined {
  let best: { readonly place: number; readonly line: Line } | undefined;
  for (const { client, server, estimate } of links) {
    for (const [known, place] of [
      [client, server],
      [server, client],
    ] as const) {
      const from = lines[known];
      if (from === undefined || lines[place] !== undefined) continue;
      const errorNs = from.errorNs + estimate.errorNs;
      if (best !== undefined && best.line.errorNs <= errorNs) continue;
      // The server's clock is ahead by skew + drift * time; a client's is so much behind.
      const sign = place === server ? -1 : 1;
      const scale = 1 + (sign * estimate.driftPpm) / 1e6;
      const shift = sign * estimate.skewNs;
      best = {
        place,
        line: {
          scale: from.scale * scale,
          shift: from.scale * shift + from.shift,
          errorNs,
          finding: { against: known, pairs: estimate.pairs, agree: estimate.agree },
        },
      };
    }
  }
  return best;
}
