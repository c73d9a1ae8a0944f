import { type DefaultRuleId, defaultRuleIds, type Policy } from '@gardenhose/core';
import { fixedHeaders, fixedRuleIds } from '../../packages/core/src/mask/policy/default-policy.ts';
import { leaksIn } from './needles.ts';
import { type Control, maskedTexts, policy } from './record.ts';

/** For each default rule, the numbers of the positions at which something leaks when it alone is switched off. */
export type Guards = ReadonlyMap<string, readonly number[]>;

const key = { base64: Buffer.alloc(32, 7).toString('base64') };

/** How rules are switched off that a policy cannot disable by name, where it has a field for that; else by a patch, elsewhere. */
const fixed: Readonly<Record<string, Partial<Policy>>> = {
  'default/header/credential': { dangerouslyAllow: fixedHeaders.filter((name) => !name.endsWith('*')) },
  'default/header/unknown': { unknownHeaders: 'scan' },
  'default/strict/value': { extends: 'secure' },
  'default/strict/header': { extends: 'secure' },
};

function without(rule: string): Partial<Policy> | undefined {
  const disable = defaultRuleIds.filter((id): id is DefaultRuleId => id === rule);
  return disable.length > 0 ? { disable } : fixed[rule];
}

/** Without it, its headers are unknown ones, of which tokens are made: it guards those whose unknown headers are shown. */
const shown: Readonly<Record<string, Partial<Policy>>> = { 'default/header/url': { unknownHeaders: 'scan' } };

/** Masks the raw events of all cases with each default rule switched off in turn. */
export function guardsOf({ events }: Control): Guards {
  const usual = maskedTexts(events, { ...policy, key });
  const guards = new Map<string, number[]>();
  for (const rule of [...defaultRuleIds, ...fixedRuleIds]) {
    const weaker = without(rule);
    if (weaker === undefined) continue;
    const base = shown[rule];
    const before = base === undefined ? usual : maskedTexts(events, { ...policy, key, ...base });
    const strict = rule.startsWith('default/strict/') ? rule : undefined;
    const at = new Set<number>();
    for (const [one, text] of maskedTexts(events, { ...policy, key, ...base, ...weaker })) {
      // Most cases have nothing to do with most rules.
      const concerns = one.strict === strict && (strict !== undefined || text !== before.get(one));
      if (!concerns || at.has(one.position) || leaksIn(text).length === 0) continue;
      if (strict !== undefined || leaksIn(before.get(one) ?? '').length === 0) at.add(one.position);
    }
    guards.set(
      rule,
      [...at].sort((a, b) => a - b),
    );
  }
  return guards;
}
