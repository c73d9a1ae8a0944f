import { missingTools, python } from '../../scripts/peer-tools.js';

export { python };

/** Why the tests cannot run here; undefined where they can. `npm run peers` has what is missing installed before it. */
export function whyNot(): string | undefined {
  const missing = missingTools();
  if (missing === undefined) return undefined;
  const why = `${missing.names} missing: \`npm run peers\` installs ${missing.packages.join(' ')}`;
  if (process.env.PEERS === '1') throw new Error(why);
  return why;
}
