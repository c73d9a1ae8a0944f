import jsonPatch, { type Operation } from 'fast-json-patch';
import { GardenhoseError } from '../errors.ts';
import { brokenJson } from '../mask/policy/broken-json.ts';
import { readPathRewrite } from './path-pattern.ts';
import type { HookRule } from './rule.ts';

const maxRules = 1_000;
const maxOperations = 1_000;
const maxText = 8_192;

type Fields = Readonly<Record<string, unknown>>;
/** Says of one field what is wrong with it, as `expected …`; undefined when nothing is. */
type Check = (value: unknown) => string | undefined;

const text: Check = (value) =>
  typeof value === 'string' && value.length > 0 && value.length <= maxText
    ? undefined
    : `a text of 1 to ${maxText} characters`;
const headerName: Check = (value) =>
  typeof value === 'string' && value.length <= maxText && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)
    ? undefined
    : 'a header name';
const headerText: Check = (value) =>
  typeof value === 'string' && value.length <= maxText && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? undefined
    : 'a header value without line breaks and characters beyond latin1';
const host: Check = (value) =>
  typeof value === 'string' && /^(?:\[[0-9a-fA-F:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::\d{1,5})?$/.test(value)
    ? undefined
    : 'host or host:port';
const index: Check = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : 'a whole number from 0';
const ratio: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'a number from 0 to 1';
const status: Check = (value) =>
  (Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 999) || /^[1-5]xx$/.test(String(value))
    ? undefined
    : 'a status such as 404, or a class such as 5xx';

const oneOf =
  (...names: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && names.includes(value) ? undefined : `one of ${names.join(', ')}`;
const orList =
  (check: Check): Check =>
  (value) => {
    if (!Array.isArray(value)) return check(value);
    if (value.length === 0 || value.length > maxRules) return `a list of 1 to ${maxRules}`;
    return value.map(check).find((problem) => problem !== undefined);
  };
const fields =
  (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isFields(value) ? wrongField(value, required, optional) : 'an object';

const side = oneOf('request', 'response');
const where: Check = (value) => {
  if (!isFields(value) || Object.keys(value).length === 0) return 'an object with at least one condition';
  return wrongField(
    value,
    {},
    {
      direction: oneOf('inbound', 'outbound'),
      protocol: oneOf('http', 'grpc', 'websocket'),
      method: orList(text),
      path: orList(text),
      operation: orList(text),
      header: fields({ name: headerName }, { equals: headerText, matches: headerText }),
      status: orList(status),
      mark: fields({ name: text }, { value: headerText }),
    },
  );
};

/** What is wrong with this `where` of a rule, as `expected …` or `field: expected …`; undefined when nothing is. */
export function whereProblem(value: unknown): string | undefined {
  return where(value);
}

const kinds: Readonly<
  Record<HookRule['do'], readonly [Readonly<Record<string, Check>>, Readonly<Record<string, Check>>]>
> = {
  'set-header': [
    { name: headerName, value: headerText },
    { side, where },
  ],
  'remove-header': [{ name: headerName }, { side, where }],
  'rewrite-host': [{ to: host }, { where }],
  'rewrite-path': [{ from: text, to: text }, { where }],
  'patch-body': [{ patch: patchProblem }, { side, message: index, where }],
  mark: [{ name: text, value: headerText }, { where }],
  drop: [{ where }, {}],
  sample: [{ ratio }, { by: oneOf('exchange', 'lane'), where }],
};

/**
 * Checks rules that may come from anywhere, and gives them back copied and frozen against later change.
 *
 * @param rules - What should be a list of {@link HookRule}.
 * @param option - Name of the option or file, for the message.
 * @throws GardenhoseError `invalid-option`, naming the rule by its index and the field
 */
export function checkRules(rules: unknown, option = 'rules'): readonly HookRule[] {
  if (!Array.isArray(rules) || rules.length > maxRules) {
    throw invalid(option, `expected a list of at most ${maxRules} rules, found ${nameOf(rules)}`);
  }
  rules.forEach((rule: unknown, index) => {
    const problem = ruleProblem(rule);
    if (problem !== undefined) throw invalid(`${option}[${index}]`, problem);
  });
  return structuredClone(rules);
}

/**
 * Reads rules from the text of a JSON file: a list of rules, or a bare JSON Patch (a list of objects with `op`), which
 * becomes one `patch-body` rule for requests.
 *
 * @param subject - Name of the file, for the message.
 * @throws GardenhoseError `invalid-option`
 */
export function parseHookRules(json: string, subject: string): readonly HookRule[] {
  const problem = brokenJson(json);
  if (problem !== undefined) {
    throw new GardenhoseError(
      'invalid-option',
      `${subject} is not JSON, ${problem}; expected a list of rules or a JSON Patch`,
      { subject },
    );
  }
  const value: unknown = JSON.parse(json);
  const bare =
    Array.isArray(value) && value.length > 0 && value.every((entry) => isFields(entry) && 'op' in entry);
  return checkRules(bare ? [{ do: 'patch-body', patch: value }] : value, subject);
}

/**
 * Reads `Name: value` into a rule that sets this request header, and `Name:` into one that removes it.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function parseHeaderRule(line: string, option = 'header'): HookRule {
  const colon = line.indexOf(':');
  if (colon === -1) throw invalid(option, 'expected `Name: value`, found no colon');
  const name = line.slice(0, colon).trim();
  const value = line.slice(colon + 1).trim();
  const rule: HookRule = value === '' ? { do: 'remove-header', name } : { do: 'set-header', name, value };
  const problem = ruleProblem(rule);
  if (problem !== undefined) throw invalid(option, problem);
  return rule;
}

function ruleProblem(rule: unknown): string | undefined {
  if (!isFields(rule)) return `expected an object with \`do\`, found ${nameOf(rule)}`;
  const kind = Object.entries(kinds).find(([name]) => name === rule.do);
  if (kind === undefined)
    return `do: expected one of ${Object.keys(kinds).join(', ')}, found ${nameOf(rule.do)}`;
  const [required, optional] = kind[1];
  const problem = wrongField(rule, { do: () => undefined, ...required }, optional);
  if (problem !== undefined || rule.do !== 'rewrite-path') return problem;
  const rewrite = readPathRewrite(String(rule.from), String(rule.to));
  return typeof rewrite === 'string' ? rewrite : undefined;
}

function wrongField(
  value: Fields,
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>>,
): string | undefined {
  for (const name of Object.keys(required)) {
    if (value[name] === undefined) return `${name}: is missing`;
  }
  for (const [name, member] of Object.entries(value)) {
    const check = Object.hasOwn(required, name)
      ? required[name]
      : Object.hasOwn(optional, name)
        ? optional[name]
        : undefined;
    if (check === undefined) {
      return `${name}: no such field; expected ${Object.keys({ ...required, ...optional }).join(', ')}`;
    }
    const problem = member === undefined ? undefined : check(member);
    if (problem !== undefined) {
      return /^\S+: /.test(problem)
        ? `${name}.${problem}`
        : `${name}: expected ${problem}, found ${nameOf(member)}`;
    }
  }
  return undefined;
}

/** RFC 6902 leaves `__proto__` to the reader; here it is refused, as in every path of ours. */
function patchProblem(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxOperations) {
    return `a JSON Patch (RFC 6902) of 1 to ${maxOperations} operations`;
  }
  for (const [index, entry] of value.entries()) {
    const problem = operationProblem(entry, index);
    if (problem !== undefined) return `${index}: ${problem}`;
  }
  return undefined;
}

function operationProblem(entry: unknown, index: number): string | undefined {
  if (!isOperation(entry)) return 'expected an operation with `op` and `path` (RFC 6902)';
  try {
    jsonPatch.validator(entry, index);
  } catch (error) {
    const code = error instanceof Error && 'name' in error ? error.name : 'invalid';
    return `not a valid JSON Patch operation: ${code}`;
  }
  const pointers = 'from' in entry ? [entry.path, entry.from] : [entry.path];
  for (const pointer of pointers) {
    if (pointer !== '' && !pointer.startsWith('/'))
      return 'expected a JSON Pointer: empty, or beginning with /';
    if (/~(?![01])/.test(pointer)) return 'a JSON Pointer may hold ~ only as ~0 or ~1';
    const names = pointer.split('/');
    if (names.includes('__proto__') || pointer.includes('/constructor/prototype')) {
      return 'may not reach for a prototype';
    }
  }
  return undefined;
}

function isOperation(value: unknown): value is Operation {
  return (
    isFields(value) &&
    typeof value.op === 'string' &&
    ['add', 'remove', 'replace', 'move', 'copy', 'test'].includes(value.op) &&
    typeof value.path === 'string' &&
    (value.from === undefined || typeof value.from === 'string')
  );
}

function isFields(value: unknown): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string')
    return value.length <= 40 ? JSON.stringify(value) : `a text of ${value.length} characters`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function invalid(option: string, problem: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${option}: ${problem}`, { subject: option });
}
