import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { serve, unary } from '../../packages/grpc-adapter/test/support/service.ts';
import { tempDir } from '../support/captures.ts';
import { type RunningCli, runCli, startCli } from '../support/run-cli.ts';

vi.setConfig({ testTimeout: 120_000 });

async function portOf(cli: RunningCli): Promise<number> {
  return Number((await cli.output(/listening on https?:\S+:(\d+),/))[1]);
}

async function interrupted(cli: RunningCli) {
  cli.child.kill('SIGINT');
  return cli.done;
}

const insecure = grpc.credentials.createInsecure();

test('one port takes gRPC and HTTP/1.1, and both are in one capture', async () => {
  using dir = tempDir();
  await using running = await serve({});
  const to = `http://127.0.0.1:${running.port}`;
  const cli = startCli(['record', '--listen', ':0', '--to', to, '-o', dir.file('a.hose')]);
  const port = await portOf(cli);
  const client = new grpc.Client(`127.0.0.1:${port}`, insecure);
  expect((await unary(client, 'hello')).toString()).toBe('hello');
  const refused = await fetch(`http://127.0.0.1:${port}/orders`).catch(() => undefined);
  // The origin is of gRPC only: it closes what it does not understand.
  expect(refused?.status).toBe(502);
  client.close();
  const { code, stdout } = await interrupted(cli);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^2 exchanges recorded/) });
  expect(stdout).toContain('1 gRPC call and 1 request of HTTP/1.1 passed on');
  const inspected = JSON.parse((await runCli(['inspect', dir.file('a.hose'), '--json'])).stdout);
  expect(inspected).toMatchObject({ condition: { state: 'complete' }, exchanges: { total: 2 } });
  const shown = JSON.parse(
    (await runCli(['inspect', dir.file('a.hose'), '--exchange', '1', '--json'])).stdout,
  );
  expect(shown).toMatchObject({ protocol: 'grpc', operation: 'test.Echo/Unary' });
});
