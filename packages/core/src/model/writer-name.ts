/** The release that all packages are part of. */
export const version = '0.1.0';

/** How captures name what wrote them. */
export const writerName: string = `gardenhose/${version}`;
