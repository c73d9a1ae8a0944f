import { open } from 'node:fs/promises';
import type { CaptureCondition } from '@gardenhose/core';
import { type CaptureStream, GardenhoseError, type ReadCaptureOptions, readCapture } from '@gardenhose/core';
import { type ExitCode, exitCodes } from './exit-code.ts';
import type { Io } from './io.ts';

/** How messages call the input. */
export function inputName(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/**
 * The bytes of a capture file, or of standard input for `-`. Read as they are asked for.
 *
 * @throws GardenhoseError `not-a-capture` for a directory; system errors for what cannot be opened
 */
async function inputBytes(path: string, io: Io): Promise<AsyncIterable<Uint8Array>> {
  if (path === '-') return io.stdin;
  const file = await open(path, 'r');
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw new GardenhoseError(
      'not-a-capture',
      `${path} is a directory, expected a capture; name a .hose file in it`,
      {
        subject: path,
      },
    );
  }
  return file.createReadStream({ highWaterMark: 256 * 1024 });
}

/** Opens a capture to be read once, from a file or from standard input. */
export async function openInput(
  path: string,
  io: Io,
  mode: ReadCaptureOptions['mode'],
): Promise<CaptureStream> {
  return readCapture(await inputBytes(path, io), { mode, name: inputName(path) });
}

/** One sentence on what is wrong with a capture; undefined when it is sound. */
export function conditionSentence(path: string, condition: CaptureCondition): string | undefined {
  const name = inputName(path);
  const [fault] = condition.faults;
  const first = fault === undefined ? '' : ` (first at byte ${fault.offset}: ${fault.message})`;
  const rescue = `"gardenhose recover ${path} -o OUT" writes a clean copy`;
  switch (condition.state) {
    case 'complete':
      return undefined;
    case 'open':
      return `${name} was not closed: it is still being written, or its writer was ended; all ${condition.events} events in it are sound`;
    case 'truncated':
      return `${name} is cut off${first}: the ${condition.events} events before that are sound; ${rescue}`;
    case 'damaged':
      return `${name} is damaged${first}: ${condition.faultCount} faults, ${condition.lostEvents} events lost, ${condition.events} events sound; ${rescue}`;
  }
}

/** A capture that is cut off or damaged is bad input, also where what is left of it could be used. */
export function conditionExit(condition: CaptureCondition): ExitCode {
  return condition.state === 'truncated' || condition.state === 'damaged'
    ? exitCodes.badInput
    : exitCodes.fine;
}
