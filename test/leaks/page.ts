import { fileURLToPath } from 'node:url';
import type { Guards } from './mutation.ts';
import { needlesOf } from './needles.ts';
import { cases, type Numbered, positions } from './positions.ts';
import type { Control } from './record.ts';

export const pagePath: string = fileURLToPath(new URL('../../docs/reference/leak-test.md', import.meta.url));

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

function row(number: number, { found }: Control): string {
  const position = positions.find((each) => each.number === number);
  const own = cases.filter((one) => one.position === number);
  const seen = own.filter((one) => one.unseen === undefined);
  const reasons = own.flatMap(({ title, unseen }) => (unseen === undefined ? [] : [`${title}: ${unseen}`]));
  const carried = own.map(({ title }) => title).join('; ');
  const notes = [position?.note, position?.elsewhere, ...reasons].filter((note) => note !== undefined);
  const voids = seen.filter((one) => !found.has(one));
  let result = 'own test';
  if (own.length > 0 && seen.length === 0) result = 'never recorded';
  else if (own.length > 0)
    result = voids.length === 0 ? `${seen.length} of ${seen.length} found, 0 leaked` : 'void';
  const cells = [
    String(number),
    position?.title ?? '',
    [carried, ...notes].filter((text) => text !== '').join('. '),
    result,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function rows(from: number, to: number, control: Control): string {
  const numbers = positions.map(({ number }) => number).filter((number) => number >= from && number <= to);
  return `| | position | carried as | result |\n|---|---|---|---|\n${numbers.map((number) => row(number, control)).join('\n')}\n`;
}

/** The page of the documentation that says what is tested, and what came of it. */
export function page(control: Control, guards: Guards): string {
  const seen = cases.filter((one: Numbered) => one.unseen === undefined).length;
  const unseen = cases.length - seen;
  const carrying = positions.filter(({ cases: own = {} }) =>
    Object.values(own).some((one) => !one.unseen),
  ).length;
  const elsewhere = positions.filter((each) => each.elsewhere !== undefined).length;
  const { exact, folded } = needlesOf('secret');
  const guarded = [...guards].map(([rule, at]) => `| \`${rule}\` | ${at.join(', ')} |`).join('\n');
  return `# The leak test

<!-- Written by test/leaks (LEAKS_UPDATE=1): change the test, not this page. -->

A canary is a value that stands nowhere else. The test puts one into each place of a request or a response that can carry a secret,
records that, and searches everything that came of it. ${plural(seen, 'canary', 'canaries')} in ${carrying} positions: **no leak**. ${elsewhere} more positions have tests of their own,
and ${plural(unseen, 'canary never gets', 'canaries never get')} to a tap, which is tested too.

\`\`\`sh
npm run leaks         # all of it; this page is written anew
npm run leaks:full    # long bodies cut at each byte too, and thirty kills
\`\`\`

## How it is done

- **Real traffic.** A service in a process of its own serves each case over a connection of its own, from raw bytes, so that also what no client
  library would send is sent. Its servers of HTTP and of gRPC are tapped as any would be, and so is its client of gRPC.
- **Control.** The same is recorded with \`extends: "none"\`. There each canary must be found, or the position is void and the test fails. What never
  reaches a tap is marked so, and must not be found there.
- **Canaries** are a word that only its name gives away, an address of mail, a card with the right check digit, an IBAN, a phone, a social security number, a
  web token with the word in a claim, an AWS key and an address of the network. Of words, beginning and end are searched for apart.
- **Needles.** Each is searched for in ${exact.length + folded.length} spellings, ${folded.length} of them whatever the case of letters: raw, UTF-16 of both orders, hexadecimal, percent codes (also
  twice), escapes of JSON, references of HTML, quoted-printable, reversed, rot13; base64 and base64url at three alignments, base64 of base64 at nine. What
  percent codes and escapes stand for is searched too. A test of its own embeds words at random and has them all found.
- **Searched** are all files of the process (every frame of the capture decompressed, with header, index and footer, whole and in parts; the folders
  it may write to, as they are when it flushes and at the end), its standard output and error, \`recorder.stats()\`, and what \`inspect\`, \`verify\`, \`recover\`, \`scan\`, \`mask\`,
  \`policy suggest\` and \`replay --compare\` print and write, as text and as JSON. Bodies are decoded.
- **Non-interference.** Two runs with other secrets of the same shape and length, with tokens that are all the same and a clock that stands, must give the same bytes. So no
  length, hash, count or order tells of a secret, but for what is meant to: sizes of chunks and bodies are the true ones.
- **Splits.** Each body is cut in two at each byte, and into single bytes; long ones in \`leaks:full\`.
- **Faults.** Each part of the masker is made to throw an error that quotes what it was given; the record must say that something was dropped.
- **Crashes.** The service is killed while it writes, and given a disk that is full; what is left is searched.
- **Mutation.** Each default rule is switched off in turn; some position must leak then.

## Positions

### URL

${rows(1, 18, control)}
### Headers

${rows(19, 42, control)}
### JSON

${rows(43, 62, control)}
### Forms and multipart

${rows(63, 74, control)}
### Encoding and framing

${rows(75, 86, control)}
### GraphQL

${rows(87, 95, control)}
### gRPC

${rows(96, 111, control)}
### WebSocket and server-sent events

${rows(112, 118, control)}
### Side channels

${rows(119, 130, control)}
### Others

${rows(131, 999, control)}
## Which position guards which rule

Positions at which something leaks when the rule alone is switched off: by \`disable\`, \`dangerouslyAllow\` (credential headers), \`unknownHeaders: "scan"\`, or \`secure\` in place of
\`strict\`.

| rule | positions |
|---|---|
${guarded}

\`default/detect/private-key\` and \`default/undecodable\` have no switch: \`faults.test.ts\` takes their effect away in the code, and positions leak then too.

## What is not promised

- **Memory.** While it records, the process holds what it serves: in its own buffers, in those of the recorder, and in the masker's memory of values. That memory is bounded, lets go of
  a value within a minute after its last use, and is empty when the recorder is closed, which \`memory.test.ts\` shows on a heap snapshot. What the garbage collector
  has not taken yet, and what the application or Node itself hold, may be in a snapshot or a core dump.
- **Diagnostic reports** of Node hold the environment of the process, so also \`GARDENHOSE_MASK_KEY\`, if the key is given that way; \`{ "file": … }\` avoids it.
- **Words without a name.** A secret that looks like nothing is masked where its name is tied to it in a form that is read. It is not where the name stands apart: pairs in lists
  (\`["password", "…"]\`, \`rawHeaders\`), tables as JSON (\`columns\` and \`rows\`), prose and listings in text bodies (\`Password: …\`, YAML, \`--password …\`, \`curl -u\`), or a
  segment of a path after the one that names it. Rules of your own, or the policy \`strict\`, are for these.
- **Encodings within texts** that are not opened: base64 of anything but JSON, also of base64; base64 in the middle of a text; hexadecimal digits; compressed data as base64; percent codes and references of HTML
  outside of URLs and forms.
- **Sizes** of bodies and chunks, times, the number of exchanges and which names there are, are recorded as they are.
`;
}
