import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Which processors each thread of this process may run on, by the number that Linux gives it: `0-3`, `2`. */
export function affinities(): Map<string, string> {
  const found = new Map<string, string>();
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
      found.set(thread, status.match(/^Cpus_allowed_list:\s*(\S+)$/m)?.[1] ?? '');
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The different ones. */
export const distinctAffinities = (): string[] => [...new Set(affinities().values())].sort();

/** Why no thread can have a processor to itself here; undefined when one can. */
export function whyNoOwnProcessor(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, found ${process.platform}`;
  const [allowed = '', ...others] = distinctAffinities();
  if (others.length > 0) return `threads of this process are tied already: ${allowed} ${others.join(' ')}`;
  if (/^\d+$/.test(allowed)) return `needs two processors, found ${allowed}`;
  const { status } = spawnSync('taskset', ['-pc', String(process.pid)]);
  return status === 0 ? undefined : 'needs taskset, of util-linux';
}
