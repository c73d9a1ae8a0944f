import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../packages/cli/dist/program.js';

const main = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));

/** What a finished command left. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCli {
  readonly child: ChildProcess;
  /** Resolves with the match when standard error or output holds this; rejects when the command ends without it. */
  output(pattern: RegExp): Promise<RegExpMatchArray>;
  readonly done: Promise<CliResult>;
}

/** Starts the built command line as a child process, after this shell command where one is given. */
export function startCli(args: readonly string[], options: SpawnOptions = {}, before?: string): RunningCli {
  const words = [process.execPath, main, ...args];
  const [file = '', ...rest] =
    before === undefined ? words : ['sh', '-c', `${before}; exec "$@"`, 'sh', ...words];
  const child = spawn(file, rest, { stdio: 'pipe', ...options });
  const said: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  const listeners = new Set<() => void>();
  const hear = (into: Buffer[]) => (piece: Buffer) => {
    into.push(piece);
    for (const listener of listeners) listener();
  };
  child.stdout?.on('data', hear(said.out));
  child.stderr?.on('data', hear(said.err));
  const joined = (pieces: Buffer[]) => Buffer.concat(pieces).toString();
  const done = once(child, 'close').then(() => ({
    code: child.exitCode,
    stdout: joined(said.out),
    stderr: joined(said.err),
  }));
  return {
    child,
    done,
    output: (pattern) =>
      new Promise((found, failed) => {
        const look = () => {
          const match = (joined(said.err) + joined(said.out)).match(pattern);
          if (match === null) return;
          listeners.delete(look);
          found(match);
        };
        listeners.add(look);
        look();
        done.then(({ code, stderr }) =>
          failed(new Error(`ended with ${code} without ${pattern}: ${stderr}`)),
        );
      }),
  };
}

/** Runs the built command line to its end as a child process, with this as its standard input. */
export async function runCliProcess(args: readonly string[], input?: Uint8Array): Promise<CliResult> {
  const { child, done } = startCli(args);
  // A command may end before it has read all of its input.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input ?? '');
  return done;
}

/**
 * Runs the built command line to its end in this process, with this as its standard input: all but `main.ts`. A process takes
 * a third of a second to start, so start one where it is the process that is tested: its streams, signals and warnings.
 */
export async function runCli(args: readonly string[], input?: Uint8Array): Promise<CliResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  const code = await runProgram(args, {
    stdin: Readable.from(input === undefined ? [] : [input]),
    stdout,
    stderr,
    env: process.env,
    stdinIsTerminal: false,
    claimInterrupt: () => new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await said;
  return { code, stdout: out, stderr: err };
}
