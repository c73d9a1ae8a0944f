import type { ReplayProgress } from '@gardenhose/core';
import {
  type ControlEndpoint,
  type ControlEndpointOptions,
  controlAddress,
  openControlEndpoint,
} from '@gardenhose/http-adapter';

/** The kill switch of a replay: a run that goes on is looked at, and ended, over HTTP. */
export class ReplayControl implements AsyncDisposable {
  readonly endpoint: ControlEndpoint;
  readonly #stop: AbortController;
  readonly #told: { progress: ReplayProgress | undefined };

  private constructor(
    endpoint: ControlEndpoint,
    stop: AbortController,
    told: { progress: ReplayProgress | undefined },
  ) {
    this.endpoint = endpoint;
    this.#stop = stop;
    this.#told = told;
  }

  /** @throws {@link GardenhoseError} `invalid-option`, `io` */
  static async open(options: ControlEndpointOptions): Promise<ReplayControl> {
    const stop = new AbortController();
    const told: { progress: ReplayProgress | undefined } = { progress: undefined };
    const state = () =>
      stop.signal.aborted ? 'stopping' : told.progress === undefined ? 'waiting' : 'sending';
    const endpoint = await openControlEndpoint(
      {
        health: () => ({ ok: true, status: state() }),
        reads: new Map([
          ['/progress', () => ({ status: state(), ...(told.progress && plain(told.progress)) })],
        ]),
        writes: new Map([
          [
            '/stop',
            () => {
              stop.abort('control');
              return { status: state() };
            },
          ],
        ]),
      },
      options,
    );
    return new ReplayControl(endpoint, stop, told);
  }

  /** Aborted when the run is to end. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** What is told of the run from now on. */
  tell(progress: ReplayProgress): void {
    this.#told.progress = progress;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endpoint.close();
  }
}

/** What the plan says of it. @throws {@link GardenhoseError} `invalid-option` where it could not listen there */
export function controlPlan({ listen = '' }: ControlEndpointOptions): string {
  controlAddress(listen);
  return `  ends when http://${listen}/stop is posted to, with its token`;
}

function plain(progress: ReplayProgress): Record<string, unknown> {
  return { ...progress, skipped: Object.fromEntries(progress.skipped) };
}
