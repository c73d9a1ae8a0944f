import { createHash } from 'node:crypto';

/**
 * What the soaked service answers: known to both sides, so that the client sees every changed byte.
 *
 * @param {string} path
 * @param {Buffer} sent
 */
export function answerTo(path, sent) {
  const number = Number(/\d+/.exec(path)?.[0] ?? 0);
  if (path.startsWith('/missing'))
    return { status: 404, type: 'text/plain', body: Buffer.from(`no ${path}`) };
  if (path.startsWith('/upload')) {
    const digest = createHash('sha1').update(sent).digest('hex');
    return {
      status: 201,
      type: 'application/json',
      body: Buffer.from(JSON.stringify({ digest, bytes: sent.length })),
    };
  }
  const orders = Array.from({ length: 1 + (number % 20) }, (_, i) => ({
    id: number * 100 + i,
    email: `user${number}@example.com`,
    note: 'the garden hose',
    total: i * 1.5,
  }));
  return { status: 200, type: 'application/json', body: Buffer.from(JSON.stringify({ path, orders })) };
}
