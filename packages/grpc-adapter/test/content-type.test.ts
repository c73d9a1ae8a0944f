import { expect, test } from 'vitest';
import { grpcFormat, isGrpcContentType } from '../src/content-type.ts';

test('gRPC is application/grpc, also with a format or with parameters, in any case', () => {
  const formats = {
    'application/grpc': '',
    'Application/GRPC': '',
    'application/grpc ': '',
    'application/grpc;charset=utf-8': '',
    'application/grpc ; charset=utf-8': '',
    'application/grpc+proto': 'proto',
    'application/grpc+Proto;v=1': 'proto',
    'application/grpc+json': 'json',
    'application/grpc+': '',
  };
  expect(Object.keys(formats).map(grpcFormat)).toEqual(Object.values(formats));
});

test('gRPC-Web, what only begins like gRPC and what is missing are none', () => {
  const others = [
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpc-web-text',
    'application/grpcx',
    'application/grpc x',
    ' application/grpc',
    'text/application/grpc',
    'application/json',
    '',
    undefined,
    ['application/grpc'],
  ];
  expect(others.filter(isGrpcContentType)).toEqual([]);
});
