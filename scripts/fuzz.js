// `npm run fuzz [-- --count N] [--seed N]`: mutated JSON documents through the scanner, a million of them unless told
// otherwise. Ends with 1 when it finds one on which the scanner and JSON.parse disagree, or that it changed where it must not.
import { parseArgs } from 'node:util';
import { resolvePolicy } from '../packages/core/dist/mask/policy/resolve-policy.js';
import { anyExchange } from '../packages/core/dist/mask/rules/rule-context.js';
import { PolicyRules } from '../packages/core/dist/mask/rules/rules.js';
import { Scope } from '../packages/core/dist/mask/rules/scope.js';
import { TextMasker } from '../packages/core/dist/mask/text/text-masker.js';
import { Replacer } from '../packages/core/dist/mask/value/replace.js';
import { Tokens } from '../packages/core/dist/mask/value/tokens.js';
import { complaint, mutatedDocuments } from '../test/fuzz/json-agreement.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!(count > 0) || !(seed >= 0)) {
  console.error('Usage: npm run fuzz [-- --count N] [--seed N]');
  process.exit(64);
}

const policy = resolvePolicy({ version: 1, limits: { jsonDepth: 1000 } });
const rules = new PolicyRules(policy).select(anyExchange);
const scanner = new TextMasker(
  new Scope(rules),
  new Replacer(new Tokens(policy.keys, 1000)),
  policy.limits,
).scanner(0);

let done = 0;
let masked = 0;
let bad = 0;
for (const document of mutatedDocuments(count, seed)) {
  const found = complaint(scanner, document);
  done++;
  if (found !== '') {
    bad++;
    if (bad <= 20) console.error(`${JSON.stringify(document)}: ${found}`);
  }
  if (scanner.edits.count > 0) masked++;
}
console.log(`seed ${seed}: ${done} documents, ${masked} with something to mask, ${bad} complaints`);
process.exitCode = bad === 0 ? 0 : 1;
