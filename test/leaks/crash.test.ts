import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { framesOf } from './evidence.ts';
import { leaksIn } from './needles.ts';
import { cases } from './positions.ts';
import { policy, serveAll } from './record.ts';
import { Service } from './run-service.ts';

/** Cases that are masked by the policy of the test. */
const masked = cases.filter(({ strict }) => strict === undefined);
/** `LEAKS_FULL=1` kills at thirty moments. */
const kills = process.env.LEAKS_FULL === '1' ? 30 : 2;
const recorder = { mask: policy, flushIntervalMs: 5 };

async function left(service: Service): Promise<string> {
  const out: string[] = [service.said, service.seen];
  for (const name of service.files) {
    const path = join(service.folder, name);
    out.push(name, readFileSync(path, 'latin1'), ...(name.endsWith('.hose') ? await framesOf(path) : []));
  }
  return out.join('\n');
}

test(`killed while it writes, at ${kills} moments, a service leaves no canary anywhere`, async () => {
  for (let round = 0; round < kills; round++) {
    using folder = tempDir();
    const service = await Service.start({ folder: folder.path, file: { chunkBytes: 512 }, recorder });
    // Some of it, fifty cases at least, is in the file for certain, and some is on its way.
    const upTo = 100 + Math.floor(((round + 1) * (masked.length - 100)) / (kills + 1));
    await serveAll(service, masked.slice(0, upTo - 50));
    await service.flush();
    await serveAll(service, masked.slice(upTo - 50, upTo));
    await service.kill();
    const text = await left(service);
    expect(text.length).toBeGreaterThan(5000);
    expect(leaksIn(text)).toEqual([]);
  }
}, 900_000);

const canLimit = spawnSync('sh', ['-c', 'ulimit -S -f 64']).status === 0;

test.skipIf(!canLimit)(
  'on a full disk, a service leaves no canary anywhere',
  async () => {
    using folder = tempDir();
    const service = await Service.start({
      folder: folder.path,
      file: { chunkBytes: 512, compression: 'none' },
      recorder,
      before: 'ulimit -S -f 32',
    });
    await serveAll(service, masked.slice(0, 200));
    const stats = await service.close();
    expect(JSON.parse(stats)[1].sinkErrors).toBeGreaterThan(0);
    expect(leaksIn(`${await left(service)}\n${stats}`)).toEqual([]);
  },
  60_000,
);
