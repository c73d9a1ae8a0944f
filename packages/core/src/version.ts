/** The release that all packages are part of; a test holds it against their manifests. */
export const version = '0.1.0';

/** How captures name what wrote them. */
export const writerName: string = `gardenhose/${version}`;
