import type { Command } from 'commander';
import type { CommandContext } from './context.ts';

/** What the program knows of a command before it is named. */
export interface CommandEntry {
  readonly name: string;
  /** What follows the name in the help of the program. */
  readonly usage: string;
  readonly summary: string;
  /** Its flags, its help and what it does: loaded when needed, since a command may need all that records and replays. */
  load(context: CommandContext): Promise<Command>;
}

/** All commands, in the order of the help. */
export const commandList: readonly CommandEntry[] = [
  {
    name: 'record',
    usage: '[options]',
    summary: 'record a service from outside, as a reverse proxy',
    load: async (context) => (await import('./commands/record.ts')).recordCommand(context),
  },
  {
    name: 'run',
    usage: '[options] <command...>',
    summary: 'run a Node service and record it from inside',
    load: async (context) => (await import('./commands/run.ts')).runCommand(context),
  },
  {
    name: 'replay',
    usage: '[options] <file...>',
    summary: 'send a capture to a target, in order and on time',
    load: async (context) => (await import('./commands/replay.ts')).replayCommand(context),
  },
  {
    name: 'report',
    usage: '[options] <file>',
    summary: 'show a report that was kept, or make a page of it',
    load: async (context) => (await import('./commands/report.ts')).reportCommand(context),
  },
  {
    name: 'bisect',
    usage: '[options] <file>',
    summary: 'find the few exchanges that show a failure',
    load: async (context) => (await import('./commands/bisect.ts')).bisectCommand(context),
  },
  {
    name: 'stub',
    usage: '[options] <file>',
    summary: 'serve recorded services back',
    load: async (context) => (await import('./commands/stub.ts')).stubCommand(context),
  },
  {
    name: 'inspect',
    usage: '[options] <file>',
    summary: 'show what a capture holds',
    load: async (context) => (await import('./commands/inspect.ts')).inspectCommand(context),
  },
  {
    name: 'correlate',
    usage: '[options] <file>',
    summary: 'find the values that answers told and later requests sent',
    load: async (context) => (await import('./commands/correlate.ts')).correlateCommand(context),
  },
  {
    name: 'verify',
    usage: '[options] <file>',
    summary: 'check that a capture is whole and undamaged',
    load: async (context) => (await import('./commands/verify.ts')).verifyCommand(context),
  },
  {
    name: 'recover',
    usage: '[options] <file>',
    summary: 'save what is sound in a damaged or cut capture',
    load: async (context) => (await import('./commands/recover.ts')).recoverCommand(context),
  },
  {
    name: 'slice',
    usage: '[options] <file>',
    summary: 'write a part of a capture into a new one',
    load: async (context) => (await import('./commands/slice.ts')).sliceCommand(context),
  },
  {
    name: 'merge',
    usage: '[options] <file...>',
    summary: 'join captures of several instances into one',
    load: async (context) => (await import('./commands/merge.ts')).mergeCommand(context),
  },
  {
    name: 'scan',
    usage: '[options] <file...>',
    summary: 'find what looks like secrets in captures',
    load: async (context) => (await import('./commands/scan.ts')).scanCommand(context),
  },
  {
    name: 'mask',
    usage: '[options] <file>',
    summary: 'mask a capture again, by a stricter policy',
    load: async (context) => (await import('./commands/mask.ts')).maskCommand(context),
  },
  {
    name: 'encrypt',
    usage: '[options] <file>',
    summary: 'encrypt a capture, or change or take away its key',
    load: async (context) => (await import('./commands/encrypt.ts')).encryptCommand(context),
  },
  {
    name: 'policy',
    usage: '',
    summary: 'show, check, explain and propose mask policies',
    load: async (context) => (await import('./commands/policy.ts')).policyCommand(context),
  },
];
