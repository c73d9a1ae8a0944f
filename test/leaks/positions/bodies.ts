import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import {
  answers,
  asks,
  chunked,
  get,
  json,
  type Positions,
  password,
  percent,
  post,
  sends,
  sendsBody,
} from '../position.ts';

const twice = (text: string): Buffer => brotliCompressSync(gzipSync(text));

/** A gzip member with this name of a file in its head. */
function withFileName(member: Buffer, name: string): Buffer {
  const head = Buffer.from(member.subarray(0, 10));
  head[3] = 8;
  return Buffer.concat([head, Buffer.from(`${name}\0`), member.subarray(10)]);
}

/** Over what the masked recordings keep of a body, and under what the control keeps. */
const filler = 'x'.repeat(20_000);

/** Content codings, framing, kinds of text, and GraphQL. */
export const bodyPositions: Positions = {
  75: {
    title: 'gzip',
    cases: {
      'in a request': sendsBody(json, (canary) => gzipSync(password(canary)), 'Content-Encoding: gzip'),
      'in a response': answers(json, (canary) => gzipSync(password(canary)), { coding: 'gzip' }),
      'a file name in its head': sendsBody(
        json,
        ({ word }) => withFileName(gzipSync('{"a":1}'), word),
        'Content-Encoding: gzip',
      ),
      'something behind it': sendsBody(
        json,
        ({ word }) => Buffer.concat([gzipSync('{"a":1}'), Buffer.from(word)]),
        'Content-Encoding: gzip',
      ),
      'text, not said': { find: 'email', request: ({ email }) => post('text/plain', gzipSync(email)) },
    },
  },
  76: {
    title: 'brotli',
    cases: {
      'in a request': sendsBody(
        json,
        (canary) => brotliCompressSync(password(canary)),
        'Content-Encoding: br',
      ),
      'in a response': answers(json, (canary) => brotliCompressSync(password(canary)), { coding: 'br' }),
      'text, not said': {
        find: 'email',
        request: ({ email }) => post('text/plain', brotliCompressSync(email)),
      },
    },
  },
  77: {
    title: 'deflate',
    cases: {
      zlib: sendsBody(json, (canary) => deflateSync(password(canary)), 'Content-Encoding: deflate'),
      raw: sendsBody(json, (canary) => deflateRawSync(password(canary)), 'Content-Encoding: deflate'),
      'text, not said': { find: 'email', request: ({ email }) => post('text/plain', deflateRawSync(email)) },
    },
  },
  78: {
    title: 'stacked codings',
    cases: {
      'in one header': sendsBody(json, (canary) => twice(password(canary)), 'Content-Encoding: gzip, br'),
      'in two headers': sendsBody(
        json,
        (canary) => twice(password(canary)),
        'Content-Encoding: gzip',
        'Content-Encoding: br',
      ),
      three: sendsBody(json, (c) => gzipSync(twice(password(c))), 'Content-Encoding: gzip, br, gzip'),
    },
  },
  79: {
    title: 'several members',
    cases: {
      gzip: sendsBody(
        json,
        (canary) => Buffer.concat([gzipSync('[1,'), gzipSync(`${password(canary)}]`)]),
        'Content-Encoding: gzip',
      ),
    },
  },
  80: {
    title: 'truncated compressed data',
    cases: {
      gzip: sendsBody(json, (canary) => gzipSync(password(canary)).subarray(0, -9), 'Content-Encoding: gzip'),
      brotli: sendsBody(
        'text/plain',
        ({ email }) => brotliCompressSync(`${email} ${filler}`).subarray(0, -3),
        'Content-Encoding: br',
      ),
    },
  },
  81: {
    title: 'zstd and codings that are none',
    cases: {
      'said, not applied': sendsBody(json, password, 'Content-Encoding: zstd'),
      'gzip, not applied': sendsBody(json, password, 'Content-Encoding: gzip'),
      'one that nobody knows': sendsBody(json, password, 'Content-Encoding: x-own'),
    },
  },
  82: {
    title: 'split at each byte',
    elsewhere: 'every body of this table, cut in two at each byte and into single bytes: `splits.test.ts`',
  },
  83: {
    title: 'chunk extension',
    cases: {
      'by name': {
        request: ({ word }) => chunked('text/plain', ['abc'], [], `;password=${word}`),
        unseen: 'Node’s parser gives chunk extensions to nobody',
      },
    },
  },
  84: {
    title: 'Content-Length that is wrong, aborts',
    cases: {
      'the client goes away within a text': {
        find: 'email',
        breaksOff: true,
        request: (canary) => post('text/plain', `${canary.email} ${password(canary)}`).subarray(0, -1),
      },
      'the client goes away within JSON': {
        breaksOff: true,
        request: (canary) => post(json, `${password(canary)}   `).subarray(0, -1),
      },
      'the server breaks off': {
        find: 'email',
        answer: ({ email }) => ({
          headers: [
            ['Content-Type', 'text/plain'],
            ['Content-Length', '999'],
          ],
          pieces: [email],
          destroys: true,
        }),
      },
      'a range of something': {
        answer: (canary) => ({
          status: 206,
          headers: [
            ['Content-Type', json],
            ['Content-Range', 'bytes 0-99/1000'],
          ],
          pieces: [password(canary)],
        }),
      },
    },
  },
  85: {
    title: 'character split in UTF-8',
    cases: {
      'in pieces': {
        request: ({ word }) =>
          Buffer.concat([
            Buffer.from(
              get('/x', `Content-Type: ${json}`, 'Transfer-Encoding: chunked').replace('GET', 'POST'),
            ),
            ...[...Buffer.from(`{"ключ":"é","password":"${word}é"}`)].map((byte) =>
              Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
            ),
            Buffer.from('0\r\n\r\n'),
          ]),
      },
    },
  },
  86: {
    title: 'before and behind the limit of a body',
    cases: {
      'behind it': sendsBody(json, ({ word }) => `{"a":"${filler}","password":"${word}"}`),
      'before it': { request: ({ word }) => chunked(json, [`{"password":"${word}","a":"`, filler, '"}']) },
      'a text before it': {
        find: 'email',
        request: ({ email }) => chunked('text/plain', [`${email} `, filler]),
      },
      'across it': {
        find: 'email',
        request: ({ email }) => post('text/plain', `${'x '.repeat(8184)}${email} ${filler}`),
      },
      'in lines': {
        request: (canary) =>
          chunked('application/x-ndjson', [`${password(canary)}\n`, `{"a":"${filler}"}\n`, password(canary)]),
      },
    },
  },
  87: {
    title: 'variables of GraphQL',
    cases: {
      'by name': sends(({ word }) => ({ query: 'query($p: String) { x }', variables: { pin: word } })),
      'by the argument it is used for': sends(({ word }) => ({
        query: 'mutation($p: String!) { login(password: $p) { id } }',
        variables: { p: word },
      })),
      'as a text': sends(({ word }) => ({
        query: 'mutation($p: String!) { login(password: $p) { id } }',
        variables: JSON.stringify({ p: word }),
      })),
    },
  },
  88: {
    title: 'literal in a document',
    cases: {
      'a text': sends(({ word }) => ({ query: `{ user(name: "${word}") { id } }` })),
      'a text of no name': sends(({ word }) => ({ query: `{ a(b: "${word}") }` })),
      'a number': {
        find: 'digits',
        request: ({ digits }) => post(json, `{"query":"{ user(ssn: ${digits}) { id } }"}`),
      },
      'a fragment first': sends(({ word }) => ({ query: `{ ...F user(name: "${word}") { id } }` })),
      'a comment first': sends(({ word }) => ({ query: `{ # c\n user(name: "${word}") { id } }` })),
      'a document by itself': sendsBody(
        'application/graphql',
        ({ word }) => `{ user(name: "${word}") { id } }`,
      ),
      'a document that breaks off': sends(({ word }) => ({ query: `{ user(name: "${word}` })),
    },
  },
  89: {
    title: 'block string',
    cases: { argument: sends(({ word }) => ({ query: `mutation { x(a: """${word}""") { id } }` })) },
  },
  90: {
    title: 'alias, operation name',
    cases: {
      'an alias by look': sends(({ card }) => ({ query: `{ a${card}: user(id: 1) { id } }` }), 'card'),
      'the name of an operation': sends(({ email }) => ({ operationName: email, query: '{ a }' }), 'email'),
    },
  },
  91: {
    title: 'extensions',
    cases: { 'by name': sends(({ word }) => ({ query: '{ a }', extensions: { auth: { token: word } } })) },
  },
  92: {
    title: 'batch',
    cases: { 'the second': sends(({ word }) => [{ query: '{ a }' }, { query: `{ a(b: "${word}") }` }]) },
  },
  93: {
    title: 'GET',
    cases: {
      'a literal': asks(({ word }) => `/?query=${percent(`{ user(name: "${word}") { id } }`)}`),
      variables: asks(({ word }) => `/?query=%7Ba%7D&variables=${percent(JSON.stringify({ pin: word }))}`),
      'variables by the argument they are used for': asks(
        ({ word }) =>
          `/?query=${percent('query($p: String!) { user(password: $p) { id } }')}&variables=${percent(JSON.stringify({ p: word }))}`,
      ),
    },
  },
  94: {
    title: 'messages of errors',
    cases: {
      'by look': answers(json, ({ email }) => `{"errors":[{"message":"no ${email}"}]}`, { find: 'email' }),
      'what was asked, again': answers(json, (canary) =>
        JSON.stringify({ errors: [{ message: `Variable "$i" got invalid value ${password(canary)}; no` }] }),
      ),
    },
  },
  95: {
    title: 'comment',
    cases: { 'behind a document': sends(({ word }) => ({ query: `{ user { id } } # ${word}` })) },
  },
};
