import { GardenhoseError } from '../errors.ts';
import type { DifferencePart } from './difference.ts';

/** One step into a body: a name of an object or a place in a list. */
export interface PathStep {
  readonly name: string;
  readonly inList: boolean;
}

/** A place in the view of a response. */
export interface ComparePath {
  readonly part: DifferencePart;
  /** In lower case; of headers and trailers only. */
  readonly header?: string | undefined;
  /** Of bodies only. */
  readonly steps: readonly PathStep[];
}

/** A path of the ignore list: as {@link ComparePath}, but a step may stand for any name or any place. */
export interface PathPattern {
  readonly text: string;
  /** Whether the place is what the pattern names, or stands below it. */
  covers(path: ComparePath): boolean;
}

const maxPathLength = 4_096;
// The steps of a body path: .name  .*  ['any name']  [0]  [*]
const stepPattern = /\.(?:([A-Za-z_][\w-]*)|(\*))|\['((?:[^'\\]|\\.)*)'\]|\[(?:(\d{1,9})|(\*))\]/gy;

/**
 * Reads one entry of an ignore list: `outcome`, `status`, `header:NAME`, `trailer:NAME`, or `body:$` followed by steps
 * `.name`, `['any name']`, `[0]`, `[*]` (any place of a list) and `.*` (any name of an object). Names are compared
 * exactly. An entry covers what it names and everything below it.
 *
 * @throws GardenhoseError `invalid-option`, naming what cannot be read and where
 */
export function parsePathPattern(text: string, option: string): PathPattern {
  const invalid = (problem: string) =>
    new GardenhoseError('invalid-option', `${option}: ${problem}`, { subject: option });
  if (typeof text !== 'string' || text.length > maxPathLength) {
    throw invalid(`expected a path of at most ${maxPathLength} characters`);
  }
  const colon = text.indexOf(':');
  const part = colon === -1 ? text : text.slice(0, colon);
  const rest = colon === -1 ? '' : text.slice(colon + 1);
  switch (part) {
    case 'outcome':
    case 'status':
      if (colon !== -1) throw invalid(`${part} takes nothing behind it, found "${text}"`);
      return { text, covers: (path) => path.part === part };
    case 'header':
    case 'trailer': {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(rest))
        throw invalid(`expected ${part}:NAME, found "${text}"`);
      const header = rest.toLowerCase();
      return { text, covers: (path) => path.part === part && path.header === header };
    }
    case 'body': {
      const steps = parseSteps(rest);
      if (typeof steps === 'number') {
        throw invalid(
          `cannot read "${text}" from character ${5 + steps}; expected body:$ and .name, ['name'], [0] or [*]`,
        );
      }
      return { text, covers: (path) => path.part === 'body' && coversSteps(steps, path.steps) };
    }
    default:
      throw invalid(`expected outcome, status, header:NAME, trailer:NAME or body:$…, found "${text}"`);
  }
}

/** The text of a place, as the ignore list writes it. `generic` puts `[*]` for places of lists, to tell kinds apart. */
export function printPath(path: ComparePath, generic: boolean): string {
  if (path.part === 'header' || path.part === 'trailer') return `${path.part}:${path.header ?? ''}`;
  if (path.part !== 'body') return path.part;
  return `body:$${path.steps.map((step) => printStep(step, generic)).join('')}`;
}

function printStep({ name, inList }: PathStep, generic: boolean): string {
  if (inList) return generic ? '[*]' : `[${name}]`;
  return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `['${name.replace(/[\\']/g, '\\$&')}']`;
}

type StepPattern = PathStep | { readonly any: 'name' | 'place' };

/** The steps, or the character at which they cannot be read. */
function parseSteps(text: string): StepPattern[] | number {
  if (!text.startsWith('$')) return 0;
  const steps: StepPattern[] = [];
  stepPattern.lastIndex = 1;
  for (let at = 1; at < text.length; at = stepPattern.lastIndex) {
    stepPattern.lastIndex = at;
    const match = stepPattern.exec(text);
    if (match === null) return at;
    const [, name, anyName, quoted, place] = match;
    if (name !== undefined) steps.push({ name, inList: false });
    else if (anyName !== undefined) steps.push({ any: 'name' });
    else if (quoted !== undefined) steps.push({ name: quoted.replace(/\\(.)/gs, '$1'), inList: false });
    else if (place !== undefined) steps.push({ name: String(Number(place)), inList: true });
    else steps.push({ any: 'place' });
  }
  return steps;
}

function coversSteps(pattern: readonly StepPattern[], steps: readonly PathStep[]): boolean {
  if (pattern.length > steps.length) return false;
  return pattern.every((wanted, i) => {
    const step = steps[i];
    if (step === undefined) return false;
    if ('any' in wanted) return step.inList === (wanted.any === 'place');
    return wanted.inList === step.inList && wanted.name === step.name;
  });
}
