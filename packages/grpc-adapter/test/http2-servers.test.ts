import { once } from 'node:events';
import { connect, createServer, type Http2Server } from 'node:http2';
import { expect, test } from 'vitest';
import { http2ServersOf } from '../src/http2-servers.ts';
import { tapHttp2Servers } from '../src/tap-server.ts';
import { recording } from './support/recording.ts';

// What grpc-js 1.8 and 1.9 keep: test/peers/versions.test.ts has the real ones.

const listOf = (...servers: Http2Server[]) => ({ http2ServerList: servers.map((server) => ({ server })) });
const options = { recordShadow: false, parents: false };

async function called(server: Http2Server): Promise<void> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const session = connect(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  const call = session.request({ ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc' });
  call.end();
  await once(call.resume(), 'close');
  session.destroy();
  server.close();
}

const answering = () =>
  createServer().on('stream', (stream) => {
    stream.resume().on('end', () => stream.respond({ 'grpc-status': 0 }, { endStream: true }));
  });
const lines = ['start /a.B/C', 'end request', 'trailers grpc-status 0', 'end response'];

test('servers in a list are found, those that are there and those that come', async () => {
  const { recorder, told } = recording();
  const [first, second, third] = [answering(), answering(), answering()];
  const kept = listOf(first);
  const servers = http2ServersOf(kept);
  if (servers === undefined) throw new Error('not found');
  const detach = tapHttp2Servers(servers, recorder, options);
  expect(kept.http2ServerList.push({ server: second })).toBe(2);
  await called(first);
  await called(second);
  detach();
  kept.http2ServerList.push({ server: third });
  await called(third);
  expect(await told()).toEqual([1, 2].flatMap((exchange) => lines.map((line) => `${exchange} ${line}`)));
  expect(kept.http2ServerList.push).toBe(Array.prototype.push);
  expect(recorder.stats().tapFailures).toBe(0);
});

test('a list of something else is a failure of the tap that says which versions work', () => {
  const { recorder } = recording();
  const servers = http2ServersOf({ http2ServerList: [answering()] });
  if (servers === undefined) throw new Error('not found');
  tapHttp2Servers(servers, recorder, options)();
  expect(recorder.stats()).toMatchObject({
    tapFailures: 1,
    lastError: 'a tap failed: server must be a Server of @grpc/grpc-js, 1.8 or newer',
  });
});
