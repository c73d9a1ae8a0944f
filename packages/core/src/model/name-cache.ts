/** Names come again and again, each in few spellings; of a capture that has more, the rest is looked at anew. */
const maxKnown = 1_024;
/** A longer one is not kept. */
const maxLength = 64;

/** Remembers what is made of the names of headers, as they are spelt: what runs for each header of each exchange. */
export function nameCache<T>(tell: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const told = tell(name);
    if (known.size < maxKnown && name.length <= maxLength) known.set(name, told);
    return told;
  };
}
