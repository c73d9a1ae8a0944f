// `tsc -b` never deletes the output of removed sources, so a package is built from nothing before it is packed.
import { rmSync } from 'node:fs';

for (const name of ['core', 'http-adapter', 'grpc-adapter', 'cli']) {
  rmSync(new URL(`../packages/${name}/dist`, import.meta.url), { recursive: true, force: true });
}
