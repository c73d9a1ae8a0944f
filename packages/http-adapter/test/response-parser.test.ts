import { once } from 'node:events';
import { request } from 'node:http';
import { duplexPair } from 'node:stream';
import type { AnswerHead } from '@gardenhose/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultResponseLimits, ResponseFault, ResponseParser } from '../src/response-parser.ts';

interface Parsed {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly string[];
  readonly informational: readonly number[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly outcome: 'whole' | 'cut' | 'fault';
  readonly fault?: string;
  /** Bytes behind the answer. */
  readonly rest: string;
}

/** Parses the answer to one request, the bytes given in these pieces. */
function parse(pieces: readonly Buffer[], method = 'GET', limits = defaultResponseLimits): Parsed {
  let head: AnswerHead | undefined;
  const informational: number[] = [];
  const body: Buffer[] = [];
  let trailers: readonly string[] = [];
  const parser = new ResponseParser(limits, {
    informational: (early) => informational.push(early.status),
    head: (final) => {
      head = final;
    },
    body: (data) => body.push(Buffer.from(data)),
    trailers: (headers) => {
      trailers = headers;
    },
  });
  parser.expect(method);
  let outcome: Parsed['outcome'] = 'cut';
  let fault: string | undefined;
  const rest: Buffer[] = [];
  try {
    for (const piece of pieces) {
      const end = parser.execute(piece, 0, 0);
      rest.push(piece.subarray(end));
    }
    if (parser.done || parser.finish()) outcome = 'whole';
  } catch (error) {
    if (!(error instanceof ResponseFault)) throw error;
    outcome = 'fault';
    fault = error.code;
  }
  return {
    status: head?.status,
    reason: head?.reason,
    headers: head?.headers,
    informational,
    body: Buffer.concat(body).toString('latin1'),
    trailers,
    outcome,
    fault,
    rest: Buffer.concat(rest).toString('latin1'),
  };
}

const whole = (text: string) => [Buffer.from(text, 'latin1')];
const bytewise = (text: string) => [...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte]));
const cutAt = (text: string, at: number) => {
  const bytes = Buffer.from(text, 'latin1');
  return [bytes.subarray(0, at), bytes.subarray(at)].filter((piece) => piece.length > 0);
};

/** The same bytes through Node's own parser. */
async function parseWithNode(text: string, method: string): Promise<Omit<Parsed, 'rest' | 'fault'>> {
  const [client, server] = duplexPair();
  server.on('error', () => {});
  server.resume();
  const informational: number[] = [];
  return await new Promise((resolve) => {
    const failed = () => resolve({ informational, body: '', trailers: [], outcome: 'fault' });
    const sent = request({ method, createConnection: () => client, headers: { connection: 'keep-alive' } });
    sent.on('information', ({ statusCode }) => informational.push(statusCode));
    sent.on('error', failed);
    sent.on('upgrade', ({ statusCode, statusMessage, rawHeaders }) => {
      resolve({
        status: statusCode,
        reason: statusMessage,
        headers: rawHeaders,
        informational,
        body: '',
        trailers: [],
        outcome: 'whole',
      });
    });
    sent.on('response', (response) => {
      const { statusCode, statusMessage, rawHeaders } = response;
      const body: Buffer[] = [];
      response.on('data', (data: Buffer) => body.push(data));
      response.on('error', () => {});
      response.on('close', () => {
        resolve({
          status: statusCode,
          reason: statusMessage,
          headers: rawHeaders,
          informational,
          body: Buffer.concat(body).toString('latin1'),
          trailers: response.rawTrailers,
          outcome: response.complete ? 'whole' : 'cut',
        });
      });
    });
    sent.end();
    server.write(Buffer.from(text, 'latin1'), () => server.end());
    void once(server, 'finish').then(() => client.once('end', () => client.destroy()));
  });
}

type Case = readonly [name: string, answer: string, method?: string];

const cases = (list: readonly Case[]) =>
  list.map(([name, answer, method = 'GET']) => ({ name, answer, method }));

const valid: readonly Case[] = [
  ['a counted body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello'],
  ['an empty body', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;name=value\r\n!\r\n0\r\n\r\n',
  ],
  [
    'chunks with trailers',
    'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\nx-t:2\r\n\r\n',
  ],
  [
    'a gzip coding inside chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  ],
  ['no status text', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'],
  ['no blank before no status text', 'HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n'],
  ['latin1 in status text and values', 'HTTP/1.1 200 D\xe9j\xe0 vu\r\nX: \xff\r\nContent-Length: 0\r\n\r\n'],
  ['blanks around values', 'HTTP/1.1 200 OK\r\nX:\t a b \t\r\nY:\r\nContent-Length: 0\r\n\r\n'],
  ['repeated headers', 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSET-COOKIE: b=2\r\nContent-Length: 0\r\n\r\n'],
  [
    'early hints',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
  ],
  ['two informational heads', 'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.1 204 No\r\n\r\n'],
  ['204 that has a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
  ['304 that has a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
  ['the answer to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', 'HEAD'],
  ['the chunked answer to HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'HEAD'],
  ['a body that ends with the connection', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nall of it'],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
];

const cut: readonly Case[] = [
  ['a short body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'],
  ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['a chunk without its end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'],
  ['trailers without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n'],
];

const faults: readonly Case[] = [
  ['garbage', 'garbage\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['a binary protocol', '\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\n\r\n\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['two blanks before the status', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['bare LF in the headers', 'HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n'],
  ['bare CR in a value', 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n'],
  ['NUL in a value', 'HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n'],
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a line without a colon', 'HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n'],
  ['no name', 'HTTP/1.1 200 OK\r\n: a\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello'],
  ['two lengths in one field', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello'],
  ['a hexadecimal length', 'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello'],
  ['no length', 'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n'],
  ['a length that cannot be counted', `HTTP/1.1 200 OK\r\nContent-Length: ${'9'.repeat(30)}\r\n\r\n`],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
  ['chunked not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n'],
  [
    'a chunk size with a sign',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n',
  ],
  ['a huge chunk size', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n`],
  [
    'bare LF behind a chunk size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n',
  ],
  [
    'a chunk that is longer than its size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n',
  ],
  [
    'a blank behind a chunk size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n',
  ],
  [
    'a bad chunk extension',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a,b\r\nhello\r\n0\r\n\r\n',
  ],
  ['an informational head of HTTP/1.0', 'HTTP/1.0 103 Early Hints\r\n\r\nHTTP/1.1 204 No\r\n\r\n'],
  ['a bad trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX y: z\r\n\r\n'],
];

test.each(cases(valid))('$name is read as Node reads it', async ({ answer, method }) => {
  const { rest, fault, ...mine } = parse(whole(answer), method);
  expect(mine.outcome).toBe('whole');
  expect(rest).toBe('');
  expect(fault).toBeUndefined();
  expect(mine).toEqual(await parseWithNode(answer, method));
});

test.each(cases([...valid, ...cut, ...faults]))(
  '$name is read alike however it is cut',
  ({ answer, method }) => {
    const expected = parse(whole(answer), method);
    expect(parse(bytewise(answer), method)).toEqual(expected);
    for (let at = 0; at <= answer.length; at++) expect(parse(cutAt(answer, at), method)).toEqual(expected);
  },
);

test.each(cases(cut))('$name is cut short, as Node says', async ({ answer }) => {
  expect(parse(whole(answer)).outcome).toBe('cut');
  expect((await parseWithNode(answer, 'GET')).outcome).not.toBe('whole');
});

test.each(cases(faults))('$name is a fault', ({ answer }) => {
  expect(parse(whole(answer))).toMatchObject({ outcome: 'fault', fault: 'response-malformed' });
});

test('bytes behind an answer are left', () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  expect(parse(whole(`${answer}HTTP/1.1 500`))).toMatchObject({
    outcome: 'whole',
    body: 'ok',
    rest: 'HTTP/1.1 500',
  });
});

const name = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/)
  .filter(
    (text) =>
      !/^(content-length|transfer-encoding|connection|upgrade|trailer|keep-alive|proxy-connection)$/i.test(
        text,
      ),
  );
const value = fc.stringMatching(/^[!-~\xa1-\xff]([ -~\xa1-\xff]{0,30}[!-~\xa1-\xff])?$/);
const fields = fc.array(fc.tuple(name, value), { maxLength: 8 });
const body = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), { maxLength: 5 });

test('any answer that is made by the rules is read as Node reads it, and alike in any pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
      fields,
      body,
      fc.constantFrom('length', 'chunked', 'close'),
      fields,
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      async (status, headers, pieces, framing, trailers, sizes) => {
        const lines = (list: readonly (readonly [string, string])[]) =>
          list.map(([n, v]) => `${n}: ${v}\r\n`).join('');
        const text = pieces.join('');
        const framed = {
          length: `Content-Length: ${text.length}\r\n\r\n${text}`,
          chunked: `Transfer-Encoding: chunked\r\n\r\n${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n${lines(trailers)}\r\n`,
          close: `Connection: close\r\n\r\n${text}`,
        }[framing];
        const answer = `HTTP/1.1 ${status} Some Text\r\n${lines(headers)}${framed}`;
        const { rest, fault, ...mine } = parse(whole(answer));
        expect(mine).toEqual(await parseWithNode(answer, 'GET'));
        const bytes = Buffer.from(answer, 'latin1');
        const cuts: Buffer[] = [];
        for (let from = 0; from < bytes.length; ) {
          const size = sizes.next().value;
          cuts.push(bytes.subarray(from, from + size));
          from += size;
        }
        expect(parse(cuts)).toEqual({ rest, fault, ...mine });
      },
    ),
    { numRuns: 150 },
  );
});

test('whatever changed bytes make the parser say, it says it without a crash, and never takes what Node refuses', async () => {
  const answers = valid.map(([, answer]) => answer);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...answers),
      fc.array(
        fc.tuple(fc.nat(400), fc.constantFrom('\r', '\n', '\0', ':', ' ', '0', 'f', ',', ';', 'x', '\xff')),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      async (answer, changes) => {
        let text = answer;
        for (const [place, character] of changes) {
          const at = place % text.length;
          text = text.slice(0, at) + character + text.slice(at + 1);
        }
        const mine = parse(whole(text));
        // What stands behind the answer is not the parser's to judge.
        if (mine.outcome !== 'whole' || mine.rest !== '') return;
        const nodes = await parseWithNode(text, 'GET');
        // Where both take it, they read the same.
        expect(nodes.outcome).toBe('whole');
        expect(mine.body).toBe(nodes.body);
        expect(mine.headers).toEqual(nodes.headers);
        expect(mine.status).toBe(nodes.status);
      },
    ),
    { numRuns: 400 },
  );
});

test('limits hold against endless heads, headers, chunk lines, trailers and informational heads', () => {
  const limits = { maxHeadBytes: 200, maxHeaders: 5, maxChunkLineBytes: 20, maxInformational: 2 };
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const endless = [
    `HTTP/1.1 200 ${'a'.repeat(300)}`,
    `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(6)}\r\n`,
    `${head}1;${'e'.repeat(30)}`,
    `${head}1${' '.repeat(30)}\r\n`,
    `${head}0\r\n${'A: bcdefghijklmnop\r\n'.repeat(20)}`,
    `${head}0\r\n${'A: b\r\n'.repeat(6)}\r\n`,
    'HTTP/1.1 103 Early\r\n\r\n'.repeat(3),
  ];
  for (const text of endless) {
    expect(parse(whole(text), 'GET', limits)).toMatchObject({ outcome: 'fault', fault: 'response-limit' });
    expect(parse(bytewise(text), 'GET', limits)).toMatchObject({ outcome: 'fault', fault: 'response-limit' });
  }
  const exact = `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(157)}\r\nContent-Length: 0`;
  expect(`${exact}\r\n\r\n`.length).toBe(200);
  expect(parse(whole(`${exact}\r\n\r\n`), 'GET', limits).outcome).toBe('whole');
  expect(parse(bytewise(`${exact}\r\n\r\n`), 'GET', limits).outcome).toBe('whole');
  expect(parse(whole(`${exact}0\r\n\r\n`), 'GET', limits).outcome).toBe('fault');
});
