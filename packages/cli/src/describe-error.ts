import { isGardenhoseError } from '@gardenhose/core';
import { isSystemError } from './exit-code.ts';

const inWords: Readonly<Record<string, string>> = {
  ENOENT: 'no such file; check the path',
  EISDIR: 'it is a directory; name a file in it',
  ENOTDIR: 'a part of the path is not a directory; check the path',
  EACCES: 'permission denied; check who may use it',
  EPERM: 'not permitted; check who may use it',
  EEXIST: 'it is there already; name another file',
  ENOSPC: 'no space is left on the device; free some or write elsewhere',
  EDQUOT: 'the quota is used up; free some space or write elsewhere',
  EFBIG: 'the file would become larger than is allowed; write elsewhere',
  EROFS: 'the file system is read-only; write elsewhere',
  EMFILE: 'too many files are open; close some or raise the limit',
  EADDRINUSE: 'the address is in use; stop what listens there or choose another port',
  EADDRNOTAVAIL: 'this machine does not have the address; choose another',
  ECONNREFUSED: 'nothing listens there; start it or check host and port',
  ECONNRESET: 'the connection was closed by the other end',
  ENOTFOUND: 'the host name is not known; check it',
  EPIPE: 'the reader of the stream went away',
};

/** What went wrong in one sentence: what, where, what to do. */
export function describeError(error: unknown): string {
  if (isGardenhoseError(error)) return inFlags(error.message);
  if (isSystemError(error)) {
    const where = error.path ?? hostOf(error);
    const what = inWords[error.code ?? ''] ?? error.message;
    return where === undefined ? what : `${where === '' ? '""' : where}: ${what}`;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error, please report it: ${text}`;
}

/** Messages of the library name its options; on the command line these are flags. */
function inFlags(message: string): string {
  return message
    .replace('ask for it to be overwritten', 'add --overwrite')
    .replace('.proto file (schemasFromProto)', '.proto file (--proto)')
    .replace(
      'add the folder that its name begins in to the import paths',
      'name the folder that its name begins in by --proto-path',
    )
    .replace('give the folder above them as import path', 'name the folder above them by --proto-path')
    .replace(
      'give its authority as tls.ca, its name as tls.servername, or',
      'give its authority with --ca, or',
    )
    .replace('add it to guard.allow if', 'add --allow ORIGIN if')
    .replace(
      /; set guard\.allowRecordedOrigin if it may be sent back there$/,
      '; choose another target, or add --allow-recorded-origin if it may be sent back there',
    )
    .replace('guard.stopFile', '--stop-file')
    .replace('mark.runId', '--run-id')
    .replace('mark.hostSuffix', '--host-suffix')
    .replace('mark.tenancy', '--tenancy')
    .replace('mark.signKey', '--mark-key-file');
}

function hostOf(error: NodeJS.ErrnoException): string | undefined {
  const { address, port } = { address: undefined, port: undefined, ...error };
  return address === undefined ? undefined : port === undefined ? String(address) : `${address}:${port}`;
}
