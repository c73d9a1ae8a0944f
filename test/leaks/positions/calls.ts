import { group, int, schemaOf, sized } from '../../../packages/core/test/protobuf/support.ts';
import type { Canary, CanaryKind } from '../canary.ts';
import { base64, type Positions, type Told } from '../position.ts';

/** What messages of calls are made of here; `99` is no field of it. */
export const callSchema: Uint8Array = schemaOf(`
  syntax = "proto3"; package test;
  service Service { rpc Call(Message) returns (Message); }
  message Message {
    string password = 1; string note = 2; bytes secret = 3; bytes blob = 4; string colour = 5 [debug_redact = true];
    map<string, string> labels = 6; google.protobuf.Any any = 7; oneof which { string api_key = 8; int32 n = 9; }
    repeated Message inner = 10; google.protobuf.Struct data = 11; int64 number = 12;
  }`).schema;

const told = (over: Partial<Told>, data?: readonly number[]): Told => ({
  schema: Buffer.from(callSchema).toString('base64'),
  ...over,
  start: {
    protocol: 'grpc',
    version: '2',
    method: 'POST',
    target: '/test.Service/Call',
    ...over.start,
  },
  messages: data === undefined ? [] : [['request', 0, Buffer.from(data).toString('latin1')]],
});

/** A call with one message. */
const call = (data: (canary: Canary) => readonly number[], find: CanaryKind = 'word') => ({
  find,
  told: (canary: Canary): Told => told({}, data(canary)),
});
const metadata = (headers: (canary: Canary) => readonly string[]) => ({
  told: (canary: Canary): Told => told({ start: { headers: headers(canary) } }),
});
const trailers = (list: (canary: Canary) => readonly string[], find: CanaryKind = 'word') => ({
  find,
  told: (canary: Canary): Told => told({ trailers: list(canary) }),
});

const anyOf = (type: string, value: readonly number[]): number[] => [
  ...sized(1, `type.googleapis.com/${type}`),
  ...sized(2, value),
];
const status = (message: string, detail: readonly number[]): string =>
  Buffer.from([...int(1, 3), ...sized(2, message), ...sized(3, detail)]).toString('base64');
const entry = (key: string, value: readonly number[]): number[] => [...sized(1, key), ...sized(2, value)];
const textEntry = (key: string, text: string): number[] => [...sized(1, key), ...sized(2, text)];

/** gRPC: told through the interface of taps. */
export const callPositions: Positions = {
  96: {
    title: 'metadata',
    cases: {
      'of a request': metadata(({ word }) => ['x-strange', word, 'authorization', `Bearer ${word}`]),
      'behind an answer': trailers(({ word }) => ['x-strange', word]),
    },
  },
  97: {
    title: 'binary metadata',
    cases: { 'of a request': metadata(({ word }) => ['strange-bin', base64(word)]) },
  },
  98: {
    title: 'string field',
    cases: {
      'by name': call(({ word }) => sized(1, word)),
      'by look': call(({ email }) => sized(2, `from ${email}`), 'email'),
      'JSON in it': call(({ word }) => sized(2, JSON.stringify({ password: word }))),
      'not UTF-8': call(({ word }) => sized(2, [...Buffer.from(word), 0xff])),
      'marked with debug_redact': call(({ word }) => sized(5, word)),
      'of a method that no schema describes': {
        told: ({ word }) => told({ start: { target: '/test.Service/Other' } }, sized(2, word)),
      },
      'in a message that is malformed': call(({ word }) => [...sized(2, word), 0x0f]),
    },
  },
  99: {
    title: 'bytes field',
    cases: {
      'by name': call(({ word }) => sized(3, word)),
      'another message in it': call(({ word }) => sized(4, [1, ...sized(1, word)])),
      'text in it': call(({ email }) => sized(4, `from ${email}`), 'email'),
    },
  },
  100: {
    title: 'key and value of a map',
    cases: {
      'a value by its key': call(({ word }) => sized(6, textEntry('password', word))),
      'a value before its key': call(({ word }) => sized(6, [...sized(2, word), ...sized(1, 'password')])),
      'a key by look': call(({ email }) => sized(6, textEntry(email, 'x')), 'email'),
    },
  },
  101: {
    title: 'unknown field',
    cases: {
      'with a length': call(({ word }) => sized(99, word)),
      'a group': call(({ word }) => group(99, sized(1, word))),
      'a number where a text is sent': call(({ word }) => sized(12, word)),
    },
  },
  102: {
    title: 'Any',
    cases: {
      'of a known type': call(({ word }) => sized(7, anyOf('test.Message', sized(1, word)))),
      'within another': call(({ word }) =>
        sized(7, anyOf('test.Message', sized(7, anyOf('test.Message', sized(1, word))))),
      ),
      'its type behind it': call(({ word }) =>
        sized(7, [...sized(2, sized(1, word)), ...sized(1, 'x/test.Message')]),
      ),
      'of an unknown type': call(({ word }) => sized(7, anyOf('test.Other', sized(1, word)))),
    },
  },
  103: { title: 'oneof', cases: { 'by name': call(({ word }) => [...int(9, 1), ...sized(8, word)]) } },
  104: {
    title: 'nested and repeated field',
    cases: {
      nested: call(({ word }) => sized(10, sized(10, sized(1, word)))),
      repeated: call(({ word }) => [...sized(10, int(9, 1)), ...sized(10, sized(1, word))]),
    },
  },
  105: {
    title: 'grpc-message',
    cases: {
      'by look': trailers(
        ({ email }) => ['grpc-message', `no%20user%20${email.replace('@', '%40')}`],
        'email',
      ),
      'by name': trailers(({ word }) => ['grpc-message', `password%3D${word}`]),
    },
  },
  106: {
    title: 'grpc-status-details-bin',
    cases: {
      'its message': trailers(({ email }) => ['grpc-status-details-bin', status(email, [])], 'email'),
      'a detail of a known type': trailers(({ word }) => [
        'grpc-status-details-bin',
        status('no', anyOf('test.Message', sized(1, word))),
      ]),
      'a detail of an unknown type': trailers(({ word }) => [
        'grpc-status-details-bin',
        status('no', anyOf('test.Other', sized(1, word))),
      ]),
      'no status': trailers(({ word }) => ['grpc-status-details-bin', base64(word)]),
    },
  },
  111: {
    title: 'Struct',
    cases: {
      'by name': call(({ word }) => sized(11, sized(1, entry('password', sized(3, word))))),
      'in a list': call(({ word }) =>
        sized(11, sized(1, entry('passwords', sized(6, sized(1, sized(3, word)))))),
      ),
    },
  },
};
