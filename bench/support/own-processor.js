// Preloaded into each thread of a sender: gives the thread that sends a processor of its own, and the others the rest. What
// this gains is the time that a send waits for a processor which another thread of the same process holds. Linux only.
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  const own = readlinkSync('/proc/thread-self').split('/').pop() ?? '';
  for (const thread of readdirSync('/proc/self/task')) {
    execFileSync('taskset', ['-cp', thread === own ? '0' : '1-1023', thread], { stdio: 'ignore' });
  }
}
