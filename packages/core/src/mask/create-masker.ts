import type { Masker } from './masker.ts';
import type { Policy } from './policy/policy.ts';
import { resolvePolicy } from './policy/resolve-policy.ts';
import { PolicyMasker } from './policy-masker.ts';
import { PolicyRules } from './rules/rules.ts';
import { Tokens } from './value/tokens.ts';

/** For which use a masker is made. */
export interface MaskerOptions {
  /**
   * Make tokens under the key with this id, of those that the policy names: for answers that are compared with a capture
   * which an older key masked. Default, and where no key has it: the newest key.
   */
  readonly keyId?: string | undefined;
}

/**
 * Makes the masker of a policy. Without one, the policy `secure` with a random key: tokens then join values within this
 * masker only.
 *
 * @throws GardenhoseError `mask-policy` for a policy that cannot be carried out to the letter, naming the rule;
 *   `mask-key` for a key that is missing or shorter than 32 bytes
 *
 * @example
 * const masker = createMasker({
 *   version: 1,
 *   key: { env: 'GARDENHOSE_MASK_KEY' },
 *   rules: [{ id: 'shop/tenant', at: 'header:x-tenant', mask: 'keep' }],
 * });
 */
export function createMasker(policy: Policy = { version: 1 }, { keyId }: MaskerOptions = {}): Masker {
  const resolved = resolvePolicy(policy);
  const { name, digest } = resolved;
  if (name === 'none') {
    const summary = { mode: 'none', name, digest, keyId: '', disabled: [] } as const;
    const tokens = new Tokens(resolved.keys, resolved.limits.cachedTokens, { keyId });
    return {
      summary,
      mask: (event) => [event],
      token: (type, value) => tokens.keyed(type, value),
      close: () => tokens.close(),
    };
  }
  const rules = new PolicyRules(resolved);
  const tokens = new Tokens(resolved.keys, resolved.limits.cachedTokens, { keyId });
  const disabled = [...resolved.disabled].sort();
  const allowed = resolved.allowed.size > 0 ? { allowed: [...resolved.allowed].sort() } : {};
  const summary = { mode: 'masked', name, digest, keyId: tokens.keyId, disabled, ...allowed } as const;
  return new PolicyMasker(resolved, rules, tokens, summary);
}
