import { constants } from 'node:fs';
import { access, lstat, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type Exchange,
  type ExchangeId,
  GardenhoseError,
  SchemaRegistry,
  selectExchanges,
} from '@gardenhose/core';
import { requestScript } from './request-script.ts';

/** What a search writes. */
export interface BisectOutput {
  readonly capture: string;
  /** Sends the same. */
  readonly script: string;
  /** Schemas for the script, where it calls. */
  readonly schemas: string;
}

export function bisectOutput(output: string): BisectOutput {
  const base = output.replace(/\.hose$/, '');
  return { capture: output, script: `${base}.sh`, schemas: `${base}.binpb` };
}

/**
 * Fails where the result could not be written: a search may take an hour.
 *
 * @throws {@link GardenhoseError} `io`
 */
export async function checkBisectOutput(
  file: string,
  files: BisectOutput,
  overwrite: boolean,
): Promise<void> {
  const real = (path: string) => realpath(path).catch(() => undefined);
  if ((await real(file)) === (await real(files.capture))) {
    throw new GardenhoseError('invalid-option', '-o is the capture itself; name another file', {
      subject: '-o',
    });
  }
  for (const path of Object.values(files)) {
    const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const problem =
      found === undefined
        ? undefined
        : found.isDirectory()
          ? 'is a directory; name another file'
          : overwrite
            ? undefined
            : 'is there already; name another file or add --overwrite';
    if (problem !== undefined) throw new GardenhoseError('io', `${path} ${problem}`, { subject: path });
  }
  await access(dirname(files.capture), constants.W_OK);
}

/** What of {@link BisectOutput} was written. */
export interface BisectWritten {
  readonly script: string | undefined;
  readonly schemas: string | undefined;
}

/**
 * Writes the capture, the script, and the schemas for it. Of an encrypted capture the capture alone, encrypted as that is: a script would hold the
 * same requests for everybody to read.
 */
export async function writeBisect(
  file: string,
  files: BisectOutput,
  exchanges: readonly Exchange[],
  options: {
    readonly overwrite: boolean;
    readonly schemas: readonly Uint8Array[];
    readonly http: string | undefined;
    readonly grpc: string | undefined;
  },
): Promise<BisectWritten> {
  const ids = new Set<ExchangeId>(exchanges.map(({ id }) => id));
  const { header } = await selectExchanges(file, files.capture, ids, { overwrite: options.overwrite });
  if (header.encryption !== undefined) return { script: undefined, schemas: undefined };
  const registry = new SchemaRegistry();
  for (const data of options.schemas) registry.add(data);
  const calls = exchanges.some(({ protocol }) => protocol === 'grpc') && options.schemas.length > 0;
  // One after the other, serialised sets of files are one set.
  if (calls) await writeAnew(files.schemas, Buffer.concat(options.schemas), 0o600);
  const schemaFile = calls ? files.schemas : undefined;
  const { http, grpc } = options;
  // It holds bodies of requests.
  await writeAnew(files.script, requestScript(exchanges, { http, grpc, schemaFile }, registry), 0o700);
  return { script: files.script, schemas: schemaFile };
}

/** A file that is there would keep its mode, and a link would be followed. */
async function writeAnew(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, data, { mode, flag: 'wx' });
}
