// A process that sends what bench/correlated-lag.js measures: a replay with live values, in worker threads (`worker`) or in the thread
// that reads (`inline`), or as it was recorded (`recorded`).
import { replay } from '@gardenhose/http-adapter';

const [mode = '', port, path = ''] = process.argv.slice(2);
const { run, timing, bindings } = await replay(path, `http://127.0.0.1:${port}`, {
  correlate: mode !== 'recorded',
  thread: mode === 'inline' ? 'inline' : 'auto',
  ownProcessor: mode === 'inline' ? false : 'auto',
});
const { user, system } = process.cpuUsage();
const told = {
  lag: timing.lag,
  blocked: timing.blocked,
  thread: run?.thread,
  bindings,
  cpuMs: (user + system) / 1e3,
};
process.send?.(told, () => process.disconnect());
