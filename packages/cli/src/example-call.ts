import {
  bodyBytes,
  type Content,
  type Exchange,
  emptyContent,
  GardenhoseError,
  type JsonValue,
  rewriteMessage,
  type SchemaRegistry,
  type Side,
} from '@gardenhose/core';

/**
 * An example as a call of gRPC: its path names the method, and its bodies are messages of that, as JSON.
 *
 * @throws GardenhoseError `invalid-option` when no schema has the method, or a body is no message of its type
 */
export function exampleCall(example: Exchange, registry: SchemaRegistry): Exchange {
  const { request, response } = example;
  const target = request.target.replace(/\?.*$/s, '');
  const method = registry.method(target);
  if (method === undefined) {
    throw new GardenhoseError(
      'invalid-option',
      `--url is ${target}, which is no method that the schemas have; give one such as /pkg.Service/Method`,
      { subject: '--url' },
    );
  }
  const head = { ...emptyContent, endAt: 0 };
  return {
    ...example,
    protocol: 'grpc',
    operation: target.slice(1),
    request: {
      ...request,
      ...head,
      ...message(request, 'request', method.request, registry),
      method: 'POST',
      target,
      version: '2',
      headers: asCall(request.headers),
    },
    response: response && {
      ...response,
      ...head,
      ...message(response, 'response', method.response, registry),
      version: '2',
      headers: asCall(response.headers),
      trailers: ['grpc-status', '0'],
    },
  };
}

/** The type of the body is that of JSON, in which the message is given. */
function asCall(headers: readonly string[]): readonly string[] {
  const kept = headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== 'content-type');
  return [...kept, 'content-type', 'application/grpc'];
}

function message(
  given: Content,
  side: Side,
  type: string,
  registry: SchemaRegistry,
): Pick<Content, 'messages' | 'size'> {
  const json = Buffer.from(bodyBytes(given)).toString('utf8');
  if (json.trim() === '') return { messages: [], size: 0 };
  const subject = side === 'request' ? '--body' : '--response-body';
  let view: JsonValue;
  try {
    view = JSON.parse(json);
  } catch {
    throw new GardenhoseError('invalid-option', `${subject} is no JSON, expected a ${type} as JSON`, {
      subject,
    });
  }
  const written = rewriteMessage(registry, type, new Uint8Array(0), view);
  if ('bytes' in written) {
    const data = written.bytes;
    return {
      messages: [{ seq: 1, at: 0, kind: 0, size: data.length, state: 'kept', data }],
      size: data.length,
    };
  }
  const why =
    'pointer' in written
      ? `at ${written.pointer === '' ? 'its root' : written.pointer} expected ${written.expected}`
      : written.problem;
  throw new GardenhoseError('invalid-option', `${subject} is no ${type}: ${why}`, { subject });
}
