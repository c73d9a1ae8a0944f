/**
 * Addresses that the names of targets have, by name as a URL has it. Connections of the run go to these and no others; to none
 * where the name is not known.
 */
export type PinnedAddresses = ReadonlyMap<string, readonly string[]>;
