import { policyError } from '../policy/policy-error.ts';
import type { CompiledRule } from './rule-compile.ts';

/**
 * Whether some rule shows parts of card numbers. First and last digits beside a token of the whole leave few numbers that
 * it can stand for (PCI DSS 3.5.1), so no policy may ask for both.
 *
 * @throws GardenhoseError `mask-policy` when another rule makes tokens of card numbers
 */
export function showsCards(rules: readonly CompiledRule[]): boolean {
  const cards = rules.filter(({ card }) => card);
  const inPart = cards.find(({ rule }) => rule.action === 'partial');
  const asTokens = cards.find(({ rule }) => rule.action === 'token');
  if (inPart === undefined) return false;
  if (asTokens === undefined) return true;
  const [later, other] = inPart.order > asTokens.order ? [inPart, asTokens] : [asTokens, inPart];
  throw policyError(
    `rule ${later.rule.id}, mask`,
    `parts of card numbers and tokens of them together tell too much; rule ${other.rule.id} asks for ${other.rule.action}: ` +
      'use redact, format or the same mask in both',
  );
}
