// `node --import @gardenhose/http-adapter/register server.js`: records the HTTP servers of a process without a change to
// its code. What and where is told by environment variables; see docs/guides/http-servers.md.

import { isMainThread } from 'node:worker_threads';
import { toStandardError } from '@gardenhose/core/adapter';
import { messageOf, recordProcess } from './process-recording.ts';
import { registerOptions } from './register-options.ts';

/** The one channel that is the developer's and not the application's. */
const report = (message: string): void => {
  toStandardError(`gardenhose: ${message}`);
};

// Threads of the application inherit --import and are recorded too. The recorder's own thread starts without it.
try {
  recordProcess(registerOptions(process.env, process.argv[1]), report);
} catch (error) {
  // A service must start whether or not it is recorded.
  if (isMainThread) report(`nothing is recorded: ${messageOf(error)}`);
}
