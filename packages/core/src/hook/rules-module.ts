import { checkRules } from './check-rules.ts';
import type { RecordHooks } from './hook.ts';
import { recordRules } from './record-rules.ts';
import type { HookRule } from './rule.ts';

/**
 * Declarative rules as the `hooks` of a recorder, in a form that its worker can load.
 *
 * @throws GardenhoseError `invalid-option` as {@link recordRules}
 */
export function recordRulesModule(rules: readonly HookRule[]): {
  readonly module: string;
  readonly options: readonly HookRule[];
} {
  recordRules(rules);
  return { module: import.meta.url, options: checkRules(rules) };
}

/** What the worker of a recorder calls. */
export function createHooks(options: unknown): RecordHooks {
  return recordRules(checkRules(options));
}
