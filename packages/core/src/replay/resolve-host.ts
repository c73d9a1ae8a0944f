import { lookup } from 'node:dns/promises';
import { systemClock } from '../clock.ts';

/** Finds the addresses of a host: the system, or what the user gave. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

const lookupWithinMs = 10_000;

/** Asks the system, as connecting would. */
export const systemResolve: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/** The addresses of a host, as they were found; none where it is not known, or nobody says within ten seconds. */
export async function addressesOf(host: string, resolve: ResolveHost): Promise<readonly string[]> {
  let undo = () => {};
  const late = new Promise<readonly string[]>((give) => {
    undo = systemClock.after(lookupWithinMs, () => give([]));
  });
  // That it is not known and that nobody can be asked come to the same: nothing is sent there.
  const found = await Promise.race([resolve(host).catch(() => []), late]);
  undo();
  return found;
}
