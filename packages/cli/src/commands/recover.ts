import { Command } from 'commander';
import type { CommandContext } from '../context.ts';
export function recoverCommand(_context: CommandContext): Command {
  return new Command('recover');
}
