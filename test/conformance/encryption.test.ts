import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { vectorKey } from './vectors.ts';

const bytes = readFileSync(new URL('./vectors/v1/encrypted.hose', import.meta.url));
const { subtle } = globalThis.crypto;

/** The frames of the vector: their headers and payloads. */
function frames(): { type: number; head: Uint8Array<ArrayBuffer>; payload: Uint8Array<ArrayBuffer> }[] {
  const found = [];
  for (let at = 8; at + 64 <= bytes.length - 24; ) {
    const stored = bytes.readUInt32LE(at + 16);
    found.push({
      type: bytes.readUInt8(at + 8),
      head: new Uint8Array(bytes.subarray(at, at + 64)),
      payload: new Uint8Array(bytes.subarray(at + 64, at + 64 + stored)),
    });
    at += 64 + stored;
  }
  return found;
}

/** From the specification alone, by another implementation of its algorithms. */
async function derived(use: string, salt: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const key = await subtle.importKey('raw', new Uint8Array(vectorKey), 'HKDF', false, ['deriveBits']);
  const info = new TextEncoder().encode(`gardenhose capture 1 ${use}`);
  return subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, 256);
}

it('the chunks and the seal of the vector are what the specification says, by Web Crypto', async () => {
  const [header, ...rest] = frames();
  const payload = header?.payload ?? new Uint8Array();
  const salt = new Uint8Array(16).fill(0xa0);
  expect(Buffer.from(payload).includes(Buffer.from(salt))).toBe(true);
  const digest = new Uint8Array(await subtle.digest('SHA-256', payload));
  const chunkKey = await subtle.importKey('raw', await derived('chunk', salt), 'AES-GCM', false, ['decrypt']);
  const steps: string[] = [];
  for (const { type, head, payload: stored } of rest) {
    if (type !== 2) continue;
    const covered = new Uint8Array(head.slice(8, 60));
    covered.fill(0, 20, 28); // crcStored and crcRaw
    const additionalData = new Uint8Array([...digest, ...covered]);
    const iv = stored.slice(0, 12);
    const plain = await subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, chunkKey, stored.slice(12));
    steps.push(
      Buffer.from(plain)
        .toString('latin1')
        .replace(/[^ -~]/g, ''),
    );
  }
  expect(steps).toHaveLength(2);
  expect(steps[0]).toContain('step');

  const sealKey = await subtle.importKey(
    'raw',
    await derived('seal', salt),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const totals = new DataView(new ArrayBuffer(32));
  for (const [i, value] of [2n, 4n, 21n, 2000n].entries()) totals.setBigUint64(i * 8, value, true);
  const seal = await subtle.sign(
    'HMAC',
    sealKey,
    new Uint8Array([...digest, ...new Uint8Array(totals.buffer)]),
  );
  const footer = rest.at(-1);
  expect(footer?.type).toBe(4);
  expect(Buffer.from(footer?.payload ?? []).subarray(-32)).toEqual(Buffer.from(seal));
});
