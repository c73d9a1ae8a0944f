// Stands for a tap that is preloaded: says in which threads it was loaded.
import { isMainThread } from 'node:worker_threads';

process.stderr.write(`preloaded main=${isMainThread}\n`);
