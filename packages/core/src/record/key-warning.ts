import type { Policy } from '../mask/policy/policy.ts';

let said = false;

/**
 * Says once in a process that its tokens will join with nothing else, where a policy shows that they should: it names
 * types of tokens or formats that stay apart, or several processes record one service.
 */
export function warnOfMissingKey(policy: Policy, env: NodeJS.ProcessEnv = process.env): void {
  if (said || policy.key !== undefined || policy.extends === 'none') return;
  const reason = reasonForKey(policy, env);
  if (reason === undefined) return;
  said = true;
  process.emitWarning(
    `${reason}, but the mask policy has no key: each recording makes its own, so equal values get other tokens in each; give the policy a key ({ env } or { file })`,
    { type: 'GardenhoseWarning', code: 'GARDENHOSE_NO_MASK_KEY' },
  );
}

function reasonForKey({ rules = [] }: Policy, env: NodeJS.ProcessEnv): string | undefined {
  const joining = rules.find(
    ({ mask }) =>
      typeof mask === 'object' &&
      ((mask.do === 'token' && mask.type !== undefined) || (mask.do === 'format' && mask.injective === true)),
  );
  if (joining !== undefined) return `the rule ${joining.id} makes values that can be joined`;
  // node:cluster, and PM2's cluster mode.
  const isOneOfMany = env.NODE_UNIQUE_ID !== undefined || env.NODE_APP_INSTANCE !== undefined;
  return isOneOfMany ? 'this service runs in several processes' : undefined;
}
