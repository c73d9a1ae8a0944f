import { GardenhoseError } from '../errors.ts';
import { brokenJson } from '../mask/policy/broken-json.ts';
import { didYouMean } from '../model/option-names.ts';
import type { Binding, BindingEnd, BindingEvidence, Bindings } from './binding.ts';
import { headerPlaceProblem } from './header-leaves.ts';

const maxFile = 32 * 1024 * 1024;
const maxBindings = 20_000;
const maxName = 1_024;
const fromPlaces = /^(?:body\.\$|message\.\$|event\.|header\.|set-cookie\.|html\.)/;
const toPlaces = /^(?:body\.\$|message\.\$|header\.|cookie\.|query\.|form\.|path\[\d{1,3}\]$)/;

/**
 * Bindings from the text of a file, as {@link printBindings} writes it. They may be edited: `enabled: false` turns one off, and one that is added
 * needs `from` and `to` alone.
 *
 * @param name - of the file, for what is told of a mistake in it
 * @throws {@link GardenhoseError} `invalid-option` that says what is wrong and where
 */
export function parseBindings(text: string, name: string = 'bindings'): Bindings {
  const wrong = (problem: string) =>
    new GardenhoseError('invalid-option', `${name}: ${problem}`, { subject: name });
  if (text.length > maxFile) throw wrong(`is over ${maxFile} characters`);
  const broken = brokenJson(text);
  if (broken !== undefined) throw wrong(`is no JSON: ${broken}`);
  const value: unknown = JSON.parse(text);
  return checkBindings(value, name);
}

/** Bindings as the text of a file: one to a line, in an order that makes a change easy to see. */
export function printBindings({ format, bindings }: Bindings): string {
  const rows = bindings.map((binding) => `    ${JSON.stringify(binding)}`);
  return `{\n  "format": ${JSON.stringify(format)},\n  "bindings": [\n${rows.join(',\n')}\n  ]\n}\n`;
}

/**
 * Bindings that came from elsewhere, checked.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function checkBindings(value: unknown, name: string): Bindings {
  if (isBindings(value)) return value;
  throw new GardenhoseError('invalid-option', `${name}: ${bindingsProblem(value) ?? ''}`, { subject: name });
}

type Fields = Readonly<Record<string, unknown>>;

function isBindings(value: unknown): value is Bindings {
  return bindingsProblem(value) === undefined;
}

function bindingsProblem(value: unknown): string | undefined {
  if (!isFields(value)) return 'expected an object with "format" and "bindings"';
  const unknown = unknownName(value, ['format', 'bindings']);
  if (unknown !== undefined) return unknown;
  if (value.format !== 'gardenhose-bindings/1') return 'expected "format": "gardenhose-bindings/1"';
  const { bindings } = value;
  if (!Array.isArray(bindings) || bindings.length > maxBindings) {
    return `bindings: expected a list of at most ${maxBindings}`;
  }
  for (const [i, binding] of bindings.entries()) {
    const problem = bindingProblem(binding);
    if (problem !== undefined) return `bindings[${i}]${problem}`;
  }
  return undefined;
}

const bindingNames: Readonly<Record<keyof Binding, true>> = {
  from: true,
  to: true,
  enabled: true,
  anyValue: true,
  evidence: true,
  confidence: true,
};
const evidenceNames: Readonly<Record<keyof BindingEvidence, true>> = {
  matched: true,
  values: true,
  contradicted: true,
};
const endNames: Readonly<Record<keyof BindingEnd, true>> = { operation: true, place: true };

function bindingProblem(value: unknown): string | undefined {
  if (!isFields(value)) return ': expected an object with "from" and "to"';
  const unknown = unknownName(value, Object.keys(bindingNames));
  if (unknown !== undefined) return `: ${unknown}`;
  const from = endProblem(
    value.from,
    'answer',
    fromPlaces,
    'body.$.id, header.NAME, set-cookie.NAME, html.NAME, event.NAME.$.id or message.$.id',
  );
  if (from !== undefined) return `.from${from}`;
  const to = endProblem(
    value.to,
    'request',
    toPlaces,
    'path[1], query.NAME, header.NAME, cookie.NAME, body.$.id, form.NAME or message.$.id',
  );
  if (to !== undefined) return `.to${to}`;
  if (value.enabled !== undefined && typeof value.enabled !== 'boolean')
    return '.enabled: expected true or false';
  if (value.anyValue !== undefined && typeof value.anyValue !== 'boolean') {
    return '.anyValue: expected true or false';
  }
  const { confidence, evidence } = value;
  if (confidence !== undefined && !(typeof confidence === 'number' && confidence >= 0 && confidence <= 1)) {
    return '.confidence: expected a number from 0 to 1';
  }
  if (evidence === undefined) return undefined;
  if (!isFields(evidence)) return '.evidence: expected an object';
  const misspelt = unknownName(evidence, Object.keys(evidenceNames));
  if (misspelt !== undefined) return `.evidence: ${misspelt}`;
  const odd = Object.keys(evidenceNames).find((name) => !isCount(evidence[name]));
  return odd === undefined ? undefined : `.evidence.${odd}: expected a whole number from 0`;
}

function endProblem(
  value: unknown,
  side: 'request' | 'answer',
  places: RegExp,
  examples: string,
): string | undefined {
  if (!isFields(value)) return ': expected an object with "operation" and "place"';
  const unknown = unknownName(value, Object.keys(endNames));
  if (unknown !== undefined) return `: ${unknown}`;
  if (!isName(value.operation)) return '.operation: expected a text such as "POST /orders", or "*"';
  const { place } = value;
  if (!isName(place) || !places.test(place)) return `.place: expected a place such as ${examples}`;
  const unseen = place.startsWith('header.') ? headerPlaceProblem(place, side) : undefined;
  return unseen === undefined ? undefined : `.place: ${unseen}`;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxName;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownName(value: Fields, known: readonly string[]): string | undefined {
  const name = Object.keys(value).find((each) => !known.includes(each));
  if (name === undefined) return undefined;
  return `unknown field ${JSON.stringify(name.slice(0, 60))}; known are ${known.join(', ')}${didYouMean(name, known)}`;
}
