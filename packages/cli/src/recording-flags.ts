import { isGardenhoseError } from '@gardenhose/core';
import { parseLane } from '@gardenhose/core/adapter';
import { type Command, InvalidArgumentError } from 'commander';
import { type FileFlags, withFileFlags } from './file-flags.ts';
import { parseCount } from './flags.ts';
import { type FlightFlags, withFlightFlags } from './flight-flags.ts';
import { type MaskFlags, withMaskFlags } from './mask-flags.ts';
import { type SamplingFlags, withSamplingFlags } from './sampling-flags.ts';

/** Flags of the commands that record. */
export interface RecordingFlags extends MaskFlags, SamplingFlags, FileFlags, FlightFlags {
  /** Empty where there is to be no file. */
  readonly output: string;
  readonly overwrite?: boolean;
  readonly service?: string;
  readonly lane?: ReturnType<typeof parseLane>;
  readonly maxBodyBytes?: number;
  readonly controlFile?: string;
}

/** Adds the flags of the commands that record. */
export function withRecordingFlags(
  command: Command,
  texts: { readonly output: string; readonly service: string },
): Command {
  command
    .option('-o, --output <file>', texts.output, '')
    .option('--overwrite', 'replace the output if it is there')
    .option('--service <name>', `the service's name, for the capture's header (default: ${texts.service})`);
  return withMaskFlags(
    withFlightFlags(
      withFileFlags(
        withSamplingFlags(command)
          .option(
            '--lane <key>',
            'keep the order of sessions: cookie:NAME, header:NAME, jwt or jwt:CLAIM, with commas between several (default: connection)',
            parseLaneKeys,
          )
          .option('--max-body-bytes <n>', 'leave out bodies longer than this (default: 1048576)', parseCount)
          .option(
            '--control-file <file>',
            'do as this file (JSON) says while it runs: pause, ratio, rules, kill',
          ),
      ),
    ),
  );
}

function parseLaneKeys(text: string): ReturnType<typeof parseLane> {
  try {
    return parseLane(text);
  } catch (error) {
    if (!isGardenhoseError(error)) throw error;
    throw new InvalidArgumentError(
      'Expected "connection", or keys such as cookie:sid, header:x-user, jwt or jwt:sub.',
    );
  }
}

/** The keys as {@link parseLane} reads them. */
export function laneText(lane: RecordingFlags['lane']): string | undefined {
  if (lane === undefined) return undefined;
  return typeof lane === 'string' ? lane : lane.join(',');
}
