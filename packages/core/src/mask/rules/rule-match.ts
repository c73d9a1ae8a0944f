import type { Match } from '../policy/policy.ts';
import { isRecord, oneOf, onlyFields, policyError } from '../policy/policy-error.ts';
import { globPattern, pathPattern } from '../policy/selector.ts';
import type { RuleContext } from './rule-context.ts';

/** @throws GardenhoseError `mask-policy` */
export function compileMatch(when: Match, where: string): (context: RuleContext) => boolean {
  const at = `${where}, when`;
  if (!isRecord(when)) throw policyError(at, 'expected an object');
  onlyFields(at, when, ['side', 'part', 'protocol', 'method', 'host', 'path', 'contentType']);
  const { side, part, protocol } = when;
  if (side !== undefined) oneOf(at, side, ['inbound', 'outbound']);
  if (part !== undefined) oneOf(at, part, ['request', 'response']);
  if (protocol !== undefined) oneOf(at, protocol, ['http', 'grpc', 'websocket']);
  const methods = texts(when.method, `${at}, method`)?.map((method) => method.toUpperCase());
  const hosts = texts(when.host, `${at}, host`)?.map((host) => globPattern(host, at));
  const paths = texts(when.path, `${at}, path`)?.map((path) => pathPattern(path, at));
  const contentTypes = texts(when.contentType, `${at}, contentType`)?.map((type) => globPattern(type, at));
  return (context) =>
    (side === undefined || side === context.direction) &&
    (part === undefined || part === context.part) &&
    (protocol === undefined || protocol === context.protocol) &&
    (methods === undefined || methods.includes(context.method.toUpperCase())) &&
    (hosts === undefined || hosts.some((pattern) => pattern.test(context.host))) &&
    (paths === undefined || paths.some((pattern) => pattern.test(context.path))) &&
    (contentTypes === undefined || contentTypes.some((pattern) => pattern.test(context.contentType)));
}

function texts(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const areTexts =
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
  if (!areTexts) throw policyError(where, 'expected a list of strings');
  return value;
}
