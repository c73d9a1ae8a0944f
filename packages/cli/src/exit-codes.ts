/** What the process ends with. Kept the same between releases; `docs/reference/cli.md` lists them. */
export const exitCodes = {
  fine: 0,
  /** Differences were found, or the verdict on what was asked is "no". */
  failed: 1,
  /** It ended without a verdict: interrupted, or too little was seen. */
  inconclusive: 2,
  /** A guard refused it; nothing was sent. */
  refused: 3,
  usage: 64,
  badInput: 65,
  internal: 70,
  io: 74,
  /** An interrupt ended it at once: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** A status for `process.exit`; `run` also passes on that of the service it ran. */
export type ExitCode = number;
