import { expect, onTestFinished, test, vi } from 'vitest';
import type { Policy } from '../../src/mask/policy/policy.ts';

const key = { base64: Buffer.alloc(32, 7).toString('base64') };
const typed: Policy = {
  version: 1,
  rules: [{ id: 'shop/user', at: 'key:user', mask: { do: 'token', type: 'user' } }],
};

/** What a fresh process warns of, for these policies one after the other. */
async function warnings(policies: readonly Policy[], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  vi.resetModules();
  const { warnOfMissingKey } = await import('../../src/record/key-warning.ts');
  const heard: string[] = [];
  const listener = (warning: Error & { code?: string }) => {
    if (warning.code === 'GARDENHOSE_NO_MASK_KEY') heard.push(warning.message);
  };
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  for (const policy of policies) warnOfMissingKey(policy, env);
  await new Promise((resolve) => setImmediate(resolve));
  return heard;
}

test('warns once when a policy names types of tokens and no key', async () => {
  expect(await warnings([typed, typed])).toEqual([
    expect.stringMatching(
      /^the rule shop\/user makes values that can be joined, but the mask policy has no key/,
    ),
  ]);
});

test('warns when several processes record one service without a key', async () => {
  expect(await warnings([{ version: 1 }], { NODE_UNIQUE_ID: '1' })).toEqual([
    expect.stringMatching(/^this service runs in several processes/),
  ]);
});

test('does not warn of a policy with a key, of the default one, or of none', async () => {
  expect(await warnings([{ ...typed, key }, { version: 1 }, { version: 1, extends: 'none' }])).toEqual([]);
});
