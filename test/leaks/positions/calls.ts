import { deflateSync, gzipSync } from 'node:zlib';
import { group, int, schemaOf, sized } from '../../../packages/core/test/protobuf/support.ts';
import type { Canary, CanaryKind } from '../canary.ts';
import {
  answers,
  base64,
  type Call,
  type CallAnswer,
  type Cases,
  type Positions,
  sendsBody,
  type Told,
} from '../position.ts';

const modern = schemaOf(`
  syntax = "proto3"; package test;
  service Service {
    rpc Call(stream Message) returns (stream Message); rpc Get(Message) returns (Message);
    rpc Upload(stream Message) returns (Message); rpc List(Message) returns (stream Message);
    rpc Chat(stream Message) returns (stream Message);
  }
  service Wrong { rpc Call(stream Wrongly) returns (stream Wrongly); }
  message Message {
    string password = 1; string note = 2; bytes secret = 3; bytes blob = 4; string colour = 5 [debug_redact = true];
    map<string, string> labels = 6; google.protobuf.Any any = 7; oneof which { string api_key = 8; int32 n = 9; }
    repeated Message inner = 10; google.protobuf.Struct data = 11; int64 number = 12;
  }
  message Wrongly {
    int32 password = 1; Wrongly note = 2; fixed64 secret = 3; repeated int32 blob = 4; map<int32, int32> colour = 5;
    bool labels = 6;
  }`).schema;
const old = schemaOf(`
  syntax = "proto2"; package old;
  service Service { rpc Call(stream Message) returns (stream Message); }
  message Message {
    repeated group Item = 1 { optional string password = 1; optional string note = 2; } optional Set set = 2;
    extensions 100 to 200;
  }
  extend Message { optional string home_password = 150; }
  message Set { option message_set_wire_format = true; extensions 4 to max; }
  message Part { optional string password = 1; optional string note = 2; }
  message Attribute { optional string key = 1; optional string value = 2; }
  extend Set { optional Part part = 1000; optional Attribute attribute = 1002; }`).schema;

/** What messages of calls are made of here; `99` is no field of them. */
export const callSchema: Uint8Array = Buffer.concat([modern, old]);
const schema = Buffer.from(callSchema).toString('base64');

type Bytes = readonly number[] | Uint8Array;
const latin = (bytes: Bytes): string => Buffer.from(bytes).toString('latin1');
const framed = (message: Bytes, flag = 0): string => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return latin(head) + latin(message);
};

const aCall = (over: Partial<Call>): Call => ({
  schema,
  path: '/test.Service/Call',
  headers: {},
  pieces: [],
  answer: {},
  outbound: false,
  ...over,
});
type Make<T> = (canary: Canary) => T;

/** A call with one message in the request. */
const call = (data: Make<Bytes>, find: CanaryKind = 'word', path = '/test.Service/Call') => ({
  find,
  call: (canary: Canary): Call => aCall({ path, pieces: [framed(data(canary))] }),
});
/** Compressed. */
const coded = (coding: string, data: Make<Bytes>) => ({
  call: (canary: Canary): Call =>
    aCall({ headers: { 'grpc-encoding': coding }, pieces: [framed(data(canary), 1)] }),
});
const metadata = (headers: Make<Call['headers']>, find: CanaryKind = 'word') => ({
  find,
  call: (canary: Canary): Call => aCall({ headers: headers(canary), pieces: [framed(int(9, 1))] }),
});
const answer = (made: Make<CallAnswer>, find: CanaryKind = 'word', path = '/test.Service/Call') => ({
  find,
  call: (canary: Canary): Call => aCall({ path, pieces: [framed(int(9, 1))], answer: made(canary) }),
});
/** Made by the service itself. */
const makes = (over: Make<Partial<Call>>, find: CanaryKind = 'word') => ({
  find,
  call: (canary: Canary): Call => aCall({ pieces: [latin(int(9, 1))], ...over(canary), outbound: true }),
});

const anyOf = (type: string, value: readonly number[]): number[] => [
  ...sized(1, `type.googleapis.com/${type}`),
  ...sized(2, value),
];
const status = (message: string, detail: readonly number[]): string =>
  Buffer.from([...int(1, 3), ...sized(2, message), ...sized(3, detail)]).toString('base64');
const details = (value: string): CallAnswer => ({
  code: 3,
  details: 'no',
  trailers: [['grpc-status-details-bin', value]],
});
const entry = (key: string, value: readonly number[]): number[] => [...sized(1, key), ...sized(2, value)];
const textEntry = (key: string, text: string): number[] => [...sized(1, key), ...sized(2, text)];
const password = ({ word }: Canary): number[] => sized(1, word);
const web = (message: Bytes): Buffer => Buffer.from(framed(message), 'latin1');
/** What no server of grpc-js writes, through the interface of taps. */
const toldTrailers = (trailers: readonly string[]): Told => ({
  start: { protocol: 'grpc', version: '2', method: 'POST', target: '/test.Service/Call' },
  trailers,
});
const neverWhole = 'what cannot be decompressed never gets to the recorder';

/** gRPC, through real servers and clients. */
export const callPositions: Positions = {
  96: {
    title: 'metadata',
    cases: {
      'of a request': metadata(({ word }) => ({ 'x-strange': word, authorization: `Bearer ${word}` })),
      'twice in a request': metadata(({ word }) => ({ 'x-strange': ['a', `${word}, b`] })),
      'of an answer': answer(({ word }) => ({ metadata: [['x-strange', word]] })),
      'behind an answer': answer(({ word }) => ({ trailers: [['x-strange', word]] })),
      'of an error': answer(({ word }) => ({ code: 5, trailers: [['x-strange', word]] })),
      'of a call that the service makes': makes(({ word }) => ({ headers: { 'x-strange': word } })),
      'of the answer to it': makes(({ word }) => ({ answer: { metadata: [['x-strange', word]] } })),
      'behind the answer to it': makes(({ word }) => ({ answer: { trailers: [['x-strange', word]] } })),
      'in the content type': metadata(
        ({ email }) => ({ 'content-type': `application/grpc; user=${email}` }),
        'email',
      ),
      'in place of a time': metadata(({ email }) => ({ 'grpc-timeout': email }), 'email'),
      'in place of a coding': metadata(({ email }) => ({ 'grpc-accept-encoding': email }), 'email'),
      'in the number of tries': metadata(({ email }) => ({ 'grpc-previous-rpc-attempts': email }), 'email'),
      'of a trace': metadata(({ word }) => ({ 'grpc-trace-bin': base64(word) })),
      'of tags': metadata(({ word }) => ({ 'grpc-tags-bin': base64(word) })),
    },
  },
  97: {
    title: 'binary metadata',
    cases: {
      'of a request': metadata(({ word }) => ({ 'strange-bin': base64(word) })),
      'two in one': metadata(({ word }) => ({ 'strange-bin': `AQID,${base64(word)}` })),
      'no base64': metadata(({ word }) => ({ 'strange-bin': `*${word}*` })),
      'of an answer': answer(({ word }) => ({ metadata: [['strange-bin', base64(word)]] })),
      'behind an answer': answer(({ word }) => ({ trailers: [['strange-bin', base64(word)]] })),
      'behind the answer to a call that the service makes': makes(({ word }) => ({
        answer: { trailers: [['strange-bin', base64(word)]] },
      })),
    },
  },
  98: {
    title: 'string field',
    cases: {
      'by name': call(password),
      'by look': call(({ email }) => sized(2, `from ${email}`), 'email'),
      'JSON in it': call(({ word }) => sized(2, JSON.stringify({ password: word }))),
      'not UTF-8': call(({ word }) => sized(2, [...Buffer.from(word), 0xff])),
      'marked with debug_redact': call(({ word }) => sized(5, word)),
      'of a method that no schema describes': call(
        ({ word }) => sized(2, word),
        'word',
        '/test.Service/Other',
      ),
      'of a service that nobody knows': {
        ...call(({ word }) => sized(2, word), 'word', '/test.Unknown/Call'),
        unseen: 'a server of grpc-js refuses the call before it reads',
      },
      'in a message that is malformed': call(({ word }) => [...sized(2, word), 0x0f]),
      'in a message that breaks off': call(({ word }) => [...sized(2, word), 0x12, 100, 65]),
      'in a call that says JSON': {
        call: ({ word }) =>
          aCall({
            headers: { 'content-type': 'application/grpc+json' },
            pieces: [framed(Buffer.from(JSON.stringify({ password: word })))],
          }),
      },
      'in an answer that its call calls JSON': {
        call: ({ word }) =>
          aCall({
            headers: { 'content-type': 'application/grpc+json' },
            pieces: [framed(Buffer.from('{}'))],
            answer: { messages: [JSON.stringify({ password: word })] },
          }),
      },
    },
  },
  99: {
    title: 'bytes field',
    cases: {
      'by name': call(({ word }) => sized(3, word)),
      'another message in it': call(({ word }) => sized(4, [1, ...sized(1, word)])),
      'one of a text': call((canary) => sized(4, password(canary))),
      'text in it': call(({ email }) => sized(4, `from ${email}`), 'email'),
      'JSON in it': call(({ word }) => sized(4, JSON.stringify({ password: word }))),
    },
  },
  100: {
    title: 'key and value of a map',
    cases: {
      'a value by its key': call(({ word }) => sized(6, textEntry('password', word))),
      'a value before its key': call(({ word }) => sized(6, [...sized(2, word), ...sized(1, 'password')])),
      'of two keys the second': call(({ word }) =>
        sized(6, [...textEntry('x', word), ...sized(1, 'password')]),
      ),
      'of two values the first': call(({ word }) =>
        sized(6, [...textEntry('password', word), ...sized(2, 'x')]),
      ),
      'a key by look': call(({ email }) => sized(6, textEntry(email, 'x')), 'email'),
      'in another field of the entry': call(({ word }) =>
        sized(6, [...textEntry('x', 'y'), ...sized(3, word)]),
      ),
    },
  },
  101: {
    title: 'unknown field',
    cases: {
      'with a length': call(({ word }) => sized(99, word)),
      'a group': call(({ word }) => group(99, sized(1, word))),
      'a number where a text is sent': call(({ word }) => sized(12, word)),
      'a text where a number is': call(({ word }) => sized(9, word)),
      'within another message': call(({ word }) => sized(10, sized(99, word))),
      'an item of a set that nobody knows': call(
        ({ word }) => sized(2, group(1, int(2, 1001), sized(3, sized(2, word)))),
        'word',
        '/old.Service/Call',
      ),
      'beside the item of a set': call(
        ({ word }) => sized(2, group(1, int(2, 1000), sized(3, []), sized(4, word))),
        'word',
        '/old.Service/Call',
      ),
      'a set item of two numbers': call(
        ({ word }) => sized(2, group(1, int(2, 1000), sized(3, sized(1, word)), int(2, 1001))),
        'word',
        '/old.Service/Call',
      ),
      'a schema that is not that of the bytes: a number': call(password, 'word', '/test.Wrong/Call'),
      'a schema that is not that of the bytes: a message': call(
        ({ word }) => sized(2, word),
        'word',
        '/test.Wrong/Call',
      ),
      'a schema that is not that of the bytes: a fixed number': call(
        ({ word }) => sized(3, word),
        'word',
        '/test.Wrong/Call',
      ),
      'a schema that is not that of the bytes: a map': call(
        ({ word }) => sized(5, sized(2, word)),
        'word',
        '/test.Wrong/Call',
      ),
      'a schema that is not that of the bytes: a flag': call(
        ({ word }) => sized(6, word),
        'word',
        '/test.Wrong/Call',
      ),
    },
  },
  102: {
    title: 'Any',
    cases: {
      'of a known type': call((canary) => sized(7, anyOf('test.Message', password(canary)))),
      'within another': call((canary) =>
        sized(7, anyOf('test.Message', sized(7, anyOf('test.Message', password(canary))))),
      ),
      'its type behind it': call((canary) =>
        sized(7, [...sized(2, password(canary)), ...sized(1, 'x/test.Message')]),
      ),
      'of an unknown type': call((canary) => sized(7, anyOf('test.Other', password(canary)))),
      'of no type': call((canary) => sized(7, sized(2, password(canary)))),
      'in the name of its type': call(({ email }) => sized(7, anyOf(email, [])), 'email'),
      'beside its value': call(({ word }) => sized(7, [...anyOf('test.Message', []), ...sized(3, word)])),
    },
  },
  103: { title: 'oneof', cases: { 'by name': call(({ word }) => [...int(9, 1), ...sized(8, word)]) } },
  104: {
    title: 'nested and repeated field',
    cases: {
      nested: call((canary) => sized(10, sized(10, password(canary)))),
      repeated: call((canary) => [...sized(10, int(9, 1)), ...sized(10, password(canary))]),
      'of two equal fields the first': call((canary) => [...password(canary), ...sized(1, 'x')]),
      'as a group where a message is': call((canary) => group(10, password(canary))),
      'in a group': call((canary) => group(1, password(canary)), 'word', '/old.Service/Call'),
      'in a message where a group is': call(
        (canary) => sized(1, password(canary)),
        'word',
        '/old.Service/Call',
      ),
      'an extension': call(({ word }) => sized(150, word), 'word', '/old.Service/Call'),
      'in a message set': call(
        (canary) => sized(2, group(1, int(2, 1000), sized(3, password(canary)))),
        'word',
        '/old.Service/Call',
      ),
      'in a message set, its number behind it': call(
        (canary) => sized(2, group(1, sized(3, password(canary)), int(2, 1000))),
        'word',
        '/old.Service/Call',
      ),
      'in a message set, its name in another part': call(
        ({ word }) => {
          const part = (content: readonly number[]) => group(1, int(2, 1002), sized(3, content));
          return sized(2, [...part(sized(2, word)), ...part(sized(1, 'password'))]);
        },
        'word',
        '/old.Service/Call',
      ),
      'in a message set, as a field': call(
        (canary) => sized(2, sized(1000, password(canary))),
        'word',
        '/old.Service/Call',
      ),
    },
  },
  105: {
    title: 'grpc-message',
    cases: {
      'by look': answer(({ email }) => ({ code: 3, details: `no user ${email}` }), 'email'),
      'by name': answer(({ word }) => ({ code: 3, details: `password=${word}` })),
      'behind messages': answer(
        ({ email }) => ({ messages: [latin(int(9, 1))], code: 3, details: `no ${email}` }),
        'email',
      ),
      'of a call that the service makes': makes(
        ({ email }) => ({ answer: { code: 3, details: `no ${email}` } }),
        'email',
      ),
      'with percent codes that are broken': {
        find: 'email',
        told: ({ email }) => toldTrailers(['grpc-message', `100%zz ${email.replace('@', '%40')} %`]),
      },
    },
  },
  106: {
    title: 'grpc-status-details-bin',
    cases: {
      'its message': answer(({ email }) => details(status(email, [])), 'email'),
      'a detail of a known type': answer((canary) =>
        details(status('no', anyOf('test.Message', password(canary)))),
      ),
      'a detail of an unknown type': answer((canary) =>
        details(status('no', anyOf('test.Other', password(canary)))),
      ),
      'no status': answer(({ word }) => details(base64(word))),
      'of a call that the service makes': makes((canary) => ({
        answer: details(status('no', anyOf('test.Message', password(canary)))),
      })),
    },
  },
  107: {
    title: 'compressed message',
    cases: {
      gzip: coded('gzip', (canary) => gzipSync(Buffer.from(password(canary)))),
      deflate: coded('deflate', (canary) => deflateSync(Buffer.from(password(canary)))),
      'gzip, of a method that no schema describes': {
        call: (canary) => ({
          ...aCall({ headers: { 'grpc-encoding': 'gzip' }, path: '/test.Service/Other' }),
          pieces: [framed(gzipSync(Buffer.from(password(canary))), 1)],
        }),
      },
      'one of several in a call': {
        call: (canary) =>
          aCall({
            headers: { 'grpc-encoding': 'gzip' },
            pieces: [
              framed(int(9, 1)),
              framed(gzipSync(Buffer.from(password(canary))), 1),
              framed(int(9, 2)),
            ],
          }),
      },
      'gzip, cut': {
        ...coded('gzip', (canary) => gzipSync(Buffer.from(password(canary))).subarray(0, -9)),
        unseen: neverWhole,
      },
      'gzip said, not applied': { ...coded('gzip', password), unseen: neverWhole },
      'no coding, flagged all the same': { ...coded('identity', password), unseen: neverWhole },
      'one that nobody knows': { ...coded('zstd', password), unseen: neverWhole },
      'applied, and not flagged': {
        call: (canary) =>
          aCall({
            headers: { 'grpc-encoding': 'gzip' },
            pieces: [framed(gzipSync(Buffer.from(password(canary))))],
          }),
      },
    },
  },
  108: {
    title: 'message over many DATA frames',
    cases: {
      'a byte each': {
        call: (canary) => aCall({ pieces: [...framed(password(canary))] }),
      },
      'cut within the length': {
        call: (canary) => {
          const all = framed(password(canary));
          return aCall({ pieces: [all.slice(0, 3), all.slice(3)] });
        },
      },
      'several messages in a frame': {
        call: (canary) => aCall({ pieces: [framed(int(9, 1)) + framed(password(canary)) + framed([])] }),
      },
      'cut where another begins': {
        call: (canary) => {
          const all = framed(int(9, 1)) + framed(password(canary));
          return aCall({ pieces: [all.slice(0, 14), all.slice(14)] });
        },
      },
      'breaks off': {
        call: (canary) => aCall({ pieces: [framed(password(canary)).slice(0, -1)] }),
        unseen: 'a message that is not whole never gets to the recorder',
      },
    },
  },
  109: {
    title: 'each message of each kind of stream',
    cases: {
      'a unary call': call(password, 'word', '/test.Service/Get'),
      'the answer to it': answer(
        (canary) => ({ messages: [latin(password(canary))] }),
        'word',
        '/test.Service/Get',
      ),
      'the first of an upload': {
        call: (canary) =>
          aCall({ path: '/test.Service/Upload', pieces: [framed(password(canary)), framed(int(9, 1))] }),
      },
      'the last of an upload': {
        call: (canary) =>
          aCall({
            path: '/test.Service/Upload',
            pieces: [framed(int(9, 1)), framed([]), framed(password(canary))],
          }),
      },
      'the first of a list': answer(
        (canary) => ({ messages: [latin(password(canary)), latin(int(9, 1))] }),
        'word',
        '/test.Service/List',
      ),
      'the last of a list': answer(
        (canary) => ({ messages: [latin(int(9, 1)), '', latin(password(canary))] }),
        'word',
        '/test.Service/List',
      ),
      'a chat, from the client': {
        call: (canary) =>
          aCall({ path: '/test.Service/Chat', pieces: [framed(int(9, 1)), framed(password(canary))] }),
      },
      'a chat, from the server': answer(
        (canary) => ({ messages: [latin(int(9, 1)), latin(password(canary))] }),
        'word',
        '/test.Service/Chat',
      ),
      'a list that ends with an error': answer(
        (canary) => ({ messages: [latin(password(canary))], code: 13 }),
        'word',
        '/test.Service/List',
      ),
      'a call that the service makes': makes((canary) => ({ pieces: [latin(password(canary))] })),
      'the answer to a call that the service makes': makes((canary) => ({
        answer: { messages: [latin(int(9, 1)), latin(password(canary))] },
      })),
    },
  },
  110: {
    title: 'gRPC-Web',
    cases: {
      'text, in a request': sendsBody('application/grpc-web-text', (canary) =>
        web(password(canary)).toString('base64'),
      ),
      'text, in a response': answers('application/grpc-web-text+proto', (canary) =>
        web(password(canary)).toString('base64'),
      ),
      'bytes, in a request': sendsBody('application/grpc-web+proto', (canary) => web(password(canary))),
      'bytes, in a response': answers('application/grpc-web', (canary) => web(password(canary))),
      'trailers in a response': answers('application/grpc-web+proto', ({ word }) =>
        Buffer.from(
          framed(Buffer.from(`grpc-status:3\r\ngrpc-message:password=${word}\r\n`), 0x80),
          'latin1',
        ),
      ),
      'trailers as text in a response': answers('application/grpc-web-text', ({ word }) =>
        base64(framed(Buffer.from(`grpc-status:3\r\nx-strange:${word}\r\n`), 0x80)),
      ),
      'bytes, at a server of gRPC': {
        call: (canary) =>
          aCall({ headers: { 'content-type': 'application/grpc-web' }, pieces: [framed(password(canary))] }),
      },
      'text, at a server of gRPC': {
        call: (canary) =>
          aCall({
            headers: { 'content-type': 'application/grpc-web-text' },
            pieces: [web(password(canary)).toString('base64')],
          }),
        unseen: 'read as gRPC, it is a message that is not whole',
      },
    },
  },
  111: {
    title: 'Struct',
    cases: {
      'by name': call(({ word }) => sized(11, sized(1, entry('password', sized(3, word))))),
      'in a list': call(({ word }) =>
        sized(11, sized(1, entry('passwords', sized(6, sized(1, sized(3, word)))))),
      ),
      'in another': call(({ word }) =>
        sized(11, sized(1, entry('x', sized(5, sized(1, entry('password', sized(3, word))))))),
      ),
      'a name by look': call(({ email }) => sized(11, sized(1, entry(email, sized(3, 'x')))), 'email'),
    },
  },
};

/** The path, the authority and the address of calls, for the positions of these. */
export const callTargets = {
  path: {
    find: 'email',
    call: ({ email }) => aCall({ path: `/test.Service/${email}`, pieces: [framed(int(9, 1))] }),
  },
  parameter: {
    call: ({ word }) => aCall({ path: `/test.Service/Call?token=${word}`, pieces: [framed(int(9, 1))] }),
  },
  // Newer versions of Node send no authority with a user in it.
  authority: {
    find: 'email',
    told: ({ email }) => ({
      start: {
        protocol: 'grpc',
        version: '2',
        method: 'POST',
        target: '/test.Service/Call',
        authority: email,
        headers: [':authority', email],
      },
    }),
  },
  address: { ...metadata(() => ({}), 'ip'), from: ({ ip }) => ip },
} satisfies Cases;
