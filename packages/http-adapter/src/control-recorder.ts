import type { ControlChange, Recorder } from '@gardenhose/core';
import { invalidOption } from '@gardenhose/core/adapter';
import {
  type ControlEndpoint,
  type ControlEndpointOptions,
  openControlEndpoint,
} from './control-endpoint.ts';

/** The part of a recorder that an endpoint controls. */
export type ControlledRecorder = Pick<Recorder, 'control' | 'stats'>;

/**
 * Lets a recorder be controlled over HTTP on loopback, by who has the token. `GET /healthz` needs none.
 *
 * @throws {@link GardenhoseError} `invalid-option`; `io` when the address cannot be listened on
 * @example
 * const endpoint = await controlRecorder(recorder, { listen: '127.0.0.1:9464', token: process.env.CONTROL_TOKEN });
 */
export function controlRecorder(
  recorder: ControlledRecorder,
  options?: ControlEndpointOptions,
): Promise<ControlEndpoint> {
  const { control } = recorder;
  const set = (body: unknown) => {
    const change: ControlChange | undefined = isObject(body) ? body : undefined;
    if (change === undefined) throw invalidOption('the body', 'must be an object such as { "ratio": 0.1 }');
    return control.set(change, 'http');
  };
  return openControlEndpoint(
    {
      health() {
        const { state } = recorder.stats();
        return { ok: state !== 'failed', status: control.state.killed ? 'killed' : state };
      },
      reads: new Map<string, () => unknown>([
        ['/control', () => control.state],
        ['/stats', () => recorder.stats()],
      ]),
      writes: new Map<string, (body: unknown) => unknown>([
        ['/control', set],
        ['/pause', () => control.set({ paused: true }, 'http')],
        ['/resume', () => control.set({ paused: false }, 'http')],
        ['/kill', () => control.kill('http')],
      ]),
    },
    options,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
