import { once } from 'node:events';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { createRecorder, fileSink, type Policy, type RecorderOptions } from '@gardenhose/core';
import { tapServer } from '@gardenhose/http-adapter';

// Put together at run time: a search for secrets in this repository shall find none.
export const secrets = {
  bearer: `Bearer ${'abcdef0123456789'.repeat(2)}`,
  email: ['ada', 'example.com'].join('@'),
  awsKey: `AKIA${'IOSFODNN7EXAMPLE'}`,
  password: ['hunter', '2000'].join(''),
  card: `4242${'4242'.repeat(3)}`,
  session: 's3ss10n-0123456789abcdef',
} as const;

/** What the file holds when it is not masked, however it is encoded there. */
export const secretTexts: readonly string[] = Object.values(secrets);

/**
 * Records two exchanges that hold a secret in every kind of place: a POST with a JSON body that is answered by gzip, and a
 * form; and one that holds none.
 */
export async function recordSecrets(
  path: string,
  mask?: Policy,
  options: Partial<RecorderOptions> = {},
): Promise<void> {
  const recorder = createRecorder({ service: 'shop', sink: fileSink({ path }), mask, ...options });
  const server = createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      if (req.url === '/health') return res.end('ok');
      res.writeHead(200, {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'set-cookie': `sid=${secrets.session}; Path=/`,
      });
      return res.end(
        gzipSync(
          JSON.stringify({ id: 7, customers: [{ email: secrets.email }, { email: `b${secrets.email}` }] }),
        ),
      );
    });
  });
  const untap = tapServer(server, recorder);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const at = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const headers = { authorization: secrets.bearer, cookie: `sid=${secrets.session}`, 'x-tenant': 'acme' };
  await (
    await fetch(`${at}/orders/7?email=${secrets.email}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        item: 'hose',
        note: `key ${secrets.awsKey}`,
        payload: JSON.stringify({ password: secrets.password }),
      }),
    })
  ).text();
  await (
    await fetch(`${at}/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-tenant': 'acme' },
      body: `cardNumber=${secrets.card}&amount=10`,
    })
  ).text();
  await (await fetch(`${at}/health`)).text();
  untap();
  server.close();
  server.closeAllConnections();
  await recorder.close();
}
