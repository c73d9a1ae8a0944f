import { basename, dirname, extname, join } from 'node:path';

/** Where a part of a rotated recording stands: `orders.hose`, `orders.1.hose`, `orders.2.hose`. */
export function partPath(path: string, part: number): string {
  if (part === 0) return path;
  const extension = extname(path);
  return join(dirname(path), `${basename(path, extension)}.${part}${extension}`);
}
