import { capital, classes, digit, dot, hex, letter, wordByte } from './byte-classes.ts';

/** A kind of credential that is told by how it begins. */
export interface SecretPrefix {
  readonly prefix: Uint8Array;
  readonly charset: 'word' | 'capital' | 'alnum' | 'hex' | 'dotted';
  /** Fewest characters that follow the prefix. */
  readonly least: number;
  /** Most characters; with `exact` lengths a longer run is something else. */
  readonly most: number;
}

const unbounded = 100_000;

function prefixes(
  charset: SecretPrefix['charset'],
  least: number,
  most: number,
  names: string,
): SecretPrefix[] {
  return names.split(' ').map((name) => ({ prefix: Buffer.from(name), charset, least, most }));
}

const all: readonly SecretPrefix[] = [
  ...prefixes('capital', 16, 16, 'AKIA ASIA ABIA ACCA'),
  ...prefixes('word', 20, unbounded, 'ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- glsa_ glc_'),
  ...prefixes('word', 10, unbounded, 'xoxb- xoxa- xoxp- xoxr- xoxs- xoxe- xapp-'),
  ...prefixes('word', 10, unbounded, 'sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_'),
  ...prefixes('word', 16, unbounded, 'sk-ant- sk-proj- sk-svcacct- sk-admin-'),
  ...prefixes('alnum', 40, unbounded, 'sk-'),
  ...prefixes('word', 35, 35, 'AIza'),
  ...prefixes('dotted', 20, unbounded, 'ya29.'),
  ...prefixes('word', 20, unbounded, 'GOCSPX-'),
  ...prefixes('dotted', 40, unbounded, 'SG.'),
  ...prefixes('alnum', 36, unbounded, 'npm_'),
  ...prefixes('word', 40, unbounded, 'pypi-AgE'),
  ...prefixes('hex', 32, 32, 'shpat_ shpca_ shppa_ shpss_'),
  ...prefixes('hex', 64, 64, 'dop_v1_ doo_v1_ dor_v1_'),
  ...prefixes('word', 24, unbounded, 'hvs. hvb.'),
  ...prefixes('hex', 32, 32, 'dapi'),
  ...prefixes('alnum', 30, unbounded, 'hf_'),
  ...prefixes('alnum', 32, unbounded, 'lin_api_ ntn_'),
  ...prefixes('word', 24, unbounded, 'PMAK- whsec_'),
  ...prefixes('hex', 32, 32, 'SK'),
  ...prefixes('word', 20, unbounded, 'ATATT dckr_pat_ sntrys_ sntryu_ pscale_'),
  ...prefixes('word', 40, unbounded, 'fo1_ fm2_'),
  ...prefixes('capital', 50, unbounded, 'AGE-SECRET-KEY-1'),
];

/** The prefixes by their first byte. */
export const secretPrefixes: readonly (readonly SecretPrefix[] | undefined)[] = Array.from(
  { length: 256 },
  (_, first) => {
    const some = all.filter((entry) => entry.prefix[0] === first);
    return some.length === 0 ? undefined : some;
  },
);

/** Whether a byte can stand in what follows a prefix. */
export function inCharset(code: number, charset: SecretPrefix['charset']): boolean {
  const bits = classes[code] ?? 0;
  switch (charset) {
    case 'word':
      return (bits & wordByte) !== 0;
    case 'capital':
      return (bits & (capital | digit)) !== 0;
    case 'alnum':
      return (bits & (letter | digit)) !== 0;
    case 'hex':
      return (bits & hex) !== 0;
    default:
      return (bits & wordByte) !== 0 || code === dot;
  }
}
