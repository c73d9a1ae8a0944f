let writing = 0;

/**
 * Writes a line to standard error. Where nobody reads that any more, as when a collector of logs was restarted, the line is lost: by
 * itself the failed write would end the process, with an error that nobody listens to. `console.error` does not survive a second one.
 */
export function toStandardError(line: string): void {
  const { stderr } = process;
  // Not for longer than it takes: what fails of the application's own lines is the application's.
  if (writing++ === 0) stderr.on('error', ignore);
  try {
    stderr.write(`${line}\n`, (error) => {
      // The event comes after this.
      if (error) setImmediate(written);
      else written();
    });
  } catch {
    // Some streams fail at once; the line is lost all the same.
    written();
  }
}

function written(): void {
  writing--;
  if (writing === 0) process.stderr.off('error', ignore);
}

function ignore(): void {}
