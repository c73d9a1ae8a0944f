import { type Canary, canary } from './canary.ts';
import type { Case, Position } from './position.ts';
import { bodyPositions } from './positions/bodies.ts';
import { callPositions } from './positions/calls.ts';
import { formPositions } from './positions/forms.ts';
import { headerPositions } from './positions/headers.ts';
import { jsonPositions } from './positions/json.ts';
import { otherPositions, sidePositions } from './positions/sides.ts';
import { streamPositions } from './positions/streams.ts';
import { urlPositions } from './positions/url.ts';

/** Every place in which traffic can carry a secret, and the places beside it; those after 130 are our own. */
export const positions: readonly (Position & { readonly number: number })[] = Object.entries({
  ...urlPositions,
  ...headerPositions,
  ...jsonPositions,
  ...formPositions,
  ...bodyPositions,
  ...callPositions,
  ...streamPositions,
  ...sidePositions,
  ...otherPositions,
}).map(([number, position]) => ({ ...position, number: Number(number) }));

/** A case with its canary and the number of its position. */
export interface Numbered extends Case {
  readonly position: number;
  readonly title: string;
  readonly canary: Canary;
}

export const cases: readonly Numbered[] = positions
  .flatMap(({ number, cases: of = {} }) =>
    Object.entries(of).map(([title, one]) => ({ ...one, title, position: number })),
  )
  .map((one, i) => ({ ...one, canary: canary(i + 1) }));
