import { checkRules } from './check-rules.ts';
import type { RecordHooks } from './hook.ts';
import { recordRules } from './record-rules.ts';

/** What the worker of a recorder calls: see {@link recordRulesModule}. */
export function createHooks(options: unknown): RecordHooks {
  return recordRules(checkRules(options));
}
