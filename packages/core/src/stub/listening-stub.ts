import type { StubSummary } from './summary.ts';

/** Certificate and private key of a stub that is served with TLS, as PEM. */
export interface StubTlsOptions {
  /** The certificate, with those of the authorities between. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/** A recorded service, served back. */
export interface ListeningStub extends AsyncDisposable {
  /**
   * Listens, on `host:port`; port 0 takes a free one.
   *
   * @param address - Default `127.0.0.1:0`
   * @returns the address, as clients name it
   * @throws system errors, such as EADDRINUSE
   */
  listen(address?: string): Promise<string>;
  /** What was asked so far, and how well the recording fitted. */
  summary(): StubSummary;
  /** Ends what is under way and stops listening. The summary can still be asked for. */
  close(): Promise<void>;
}
