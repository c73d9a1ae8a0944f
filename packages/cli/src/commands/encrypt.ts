import { resolve } from 'node:path';
import { captureKeyOf, type KeySource, recoverCapture } from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, inputName } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { unmaskedLines } from '../header-text.ts';
import { showBytes, showCount } from '../output.ts';
import { isStandardOutput } from '../standard-output.ts';

interface EncryptFlags extends CommonFlags {
  readonly output: string;
  readonly overwrite?: boolean;
  readonly keyFile?: string;
  readonly oldKeyFile?: string;
  readonly plain?: boolean;
}

const help = `
The chunks of the new capture are encrypted by AES-256-GCM. Readable without the key stay: what the header says (service, host,
mask policy), and when and how much was recorded. The old capture is only read.

The key of the new capture comes from --key-file, else from GARDENHOSE_ENCRYPTION_KEY_FILE or GARDENHOSE_ENCRYPTION_KEY. That of
the old one, where it is encrypted, from --old-key-file, else from the same variables. A key has 32 bytes or more.

Examples:
  openssl rand -base64 32 > capture.key && chmod 600 capture.key
  gardenhose encrypt orders.hose -o orders.enc.hose --key-file capture.key
  GARDENHOSE_ENCRYPTION_KEY_FILE=capture.key gardenhose inspect orders.enc.hose
  gardenhose encrypt orders.enc.hose -o next.hose --old-key-file capture.key --key-file next.key
  gardenhose encrypt orders.enc.hose -o orders.hose --old-key-file capture.key --plain`;

/** `gardenhose encrypt FILE -o OUT`. */
export function encryptCommand(context: CommandContext): Command {
  const command = new Command('encrypt')
    .description('Encrypts a capture into a new one, or changes or takes away its key.')
    .argument('<file>', 'capture to read, "-" for standard input')
    .requiredOption('-o, --output <file>', 'capture to write, "-" for standard output')
    .option('--overwrite', 'replace the output if it is there')
    .option('--key-file <file>', 'file with the key of the new capture')
    .option('--old-key-file <file>', 'file with the key of the old capture')
    .option('--plain', 'write the new capture without encryption')
    .addHelpText('after', help);
  return withCommonFlags(command).action((file: string, flags: EncryptFlags) => {
    const newKey = newKeyOf(flags, context.io.env);
    if (newKey === undefined) {
      command.error('error: no key is given; name one with --key-file, or ask for --plain');
    }
    if (flags.plain === true && flags.keyFile !== undefined) {
      command.error('error: --plain and --key-file cannot be given together');
    }
    context.run(flags, async (output) => {
      const { stdin, stdout } = context.io;
      const toStream = isStandardOutput(flags);
      const { header, ...result } = await recoverCapture(
        file === '-' ? stdin : file,
        toStream ? stdout : flags.output,
        {
          overwrite: flags.overwrite,
          encryptionKey: keyFile(flags.oldKeyFile) ?? captureKeyOf(context.io.env),
          encrypt: newKey,
        },
      );
      const where = toStream ? 'standard output' : flags.output;
      const how =
        header.encryption === undefined ? 'without encryption' : `with key ${header.encryption.keyId}`;
      const lines = [
        `${showCount(result.events, 'event')} written to ${where} ${how} (${showBytes(result.bytesWritten)})`,
        ...unmaskedLines(header),
      ];
      if (toStream) for (const line of lines) output.note(line);
      else await output.text(lines.join('\n'));
      const problem = result.state === 'open' ? undefined : conditionSentence(file, result);
      if (problem !== undefined) output.error(problem);
      await output.document({ file: inputName(file), output: flags.output, header, ...result });
      return conditionExit(result);
    });
  });
}

function keyFile(file: string | undefined): KeySource | undefined {
  return file === undefined ? undefined : { file: resolve(file) };
}

/** False for none; undefined when nothing says. */
function newKeyOf(flags: EncryptFlags, env: CommandContext['io']['env']): KeySource | false | undefined {
  if (flags.plain === true) return false;
  return keyFile(flags.keyFile) ?? captureKeyOf(env);
}
