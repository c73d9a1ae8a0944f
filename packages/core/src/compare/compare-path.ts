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
// The steps of a body path: .name  .*  ['any name']  [0]  [*]; with .. before one, at any depth.
const stepPattern = /(\.\.?)?(?:([A-Za-z_][\w-]*)|(\*)|\['((?:[^'\\]|\\.)*)'\]|\[(?:(\d{1,9})|(\*))\])/gsy;

/**
 * Reads one entry of an ignore list: `outcome`, `status`, `header:NAME`, `trailer:NAME`, or `body:$` followed by steps
 * `.name`, `['any name']`, `[0]`, `[*]` (any place of a list) and `.*` (any name of an object); `..` in place of `.`, or before
 * a bracket, finds the step at any depth. Names are compared exactly. An entry covers what it names and everything below it.
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

/** The text of a place, as the ignore list writes it. */
export function printPath(path: ComparePath): string {
  if (path.part === 'header' || path.part === 'trailer') return `${path.part}:${path.header ?? ''}`;
  if (path.part !== 'body') return path.part;
  return `body:$${path.steps.map(printStep).join('')}`;
}

function printStep({ name, inList }: PathStep): string {
  if (inList) return `[${name}]`;
  return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `['${name.replace(/[\\']/g, '\\$&')}']`;
}

interface StepPattern {
  readonly anyDepth: boolean;
  /** Any name of an object, or any place of a list, when absent. */
  readonly name: string | undefined;
  readonly inList: boolean;
}

/** The steps, or the character at which they cannot be read. */
function parseSteps(text: string): StepPattern[] | number {
  if (!text.startsWith('$')) return 0;
  const steps: StepPattern[] = [];
  stepPattern.lastIndex = 1;
  for (let at = 1; at < text.length; at = stepPattern.lastIndex) {
    stepPattern.lastIndex = at;
    const match = stepPattern.exec(text);
    if (match === null) return at;
    const [, dots = '', word, anyName, quoted, place] = match;
    // One dot stands before words alone, two before anything, none before brackets alone.
    const bracket = word === undefined && anyName === undefined;
    if (dots === (bracket ? '.' : '')) return at;
    const name =
      word ?? quoted?.replace(/\\(.)/gs, '$1') ?? (place === undefined ? undefined : String(Number(place)));
    steps.push({ anyDepth: dots === '..', name, inList: bracket && quoted === undefined });
  }
  return steps;
}

function coversSteps(pattern: readonly StepPattern[], steps: readonly PathStep[]): boolean {
  // How many steps of the pattern are found by now: with `..` there can be several answers.
  let found = new Set([0]);
  for (const step of steps) {
    if (found.has(pattern.length)) return true;
    const next = new Set<number>();
    for (const at of found) {
      const wanted = pattern[at];
      if (wanted === undefined) continue;
      if (wanted.anyDepth) next.add(at);
      if (wanted.inList === step.inList && (wanted.name ?? step.name) === step.name) next.add(at + 1);
    }
    found = next;
  }
  return found.has(pattern.length);
}
