import { createServer } from 'node:http';
import { compareExchange, type Exchange } from '@gardenhose/core';
import { anExchange, senderContract } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { createInProcessSender } from '../../src/in-process.ts';
import { createSender } from '../../src/sender.ts';
import { acceptOf } from '../../src/websocket/handshake.ts';
import { aConversation, answeredWith, bye, type Said } from '../support/conversations.ts';
import { closeFrame, frame, packed } from '../support/frames.ts';
import { replayAll } from '../support/replay.ts';
import { listening } from '../support/servers.ts';
import { socketService } from '../support/web-sockets.ts';

const ms = 1e6;
const simple = aConversation([
  ['request', 1, 1, 'hello'],
  ['response', 2, 1, 'hello'],
  ['request', 3, 8, bye],
  ['response', 4, 8, bye],
]);

const cases = senderContract(async () => {
  const service = await socketService();
  service.sockets.options.verifyClient = ({ req }, accept) => {
    if (req.url !== '/never') accept(true);
  };
  const gone = await listening(createServer());
  await gone[Symbol.asyncDispose]();
  return {
    answered: simple,
    unanswered: { ...simple, lane: '2', request: { ...simple.request, target: '/never' } },
    sender: createSender(service.origin),
    unreachable: createSender(gone.origin),
    close: async () => service[Symbol.asyncDispose](),
  };
});

for (const { name, run } of cases) {
  // What is foreign to it is told by the same sender's tests of HTTP.
  if (!name.includes('does not speak')) test(`the sender of WebSockets ${name}`, run);
}

test('the handshake goes as it was recorded, with a key of its own, and only extensions that can be read', async () => {
  const heads: (readonly string[])[] = [];
  await using service = await socketService();
  service.sockets.on('headers', (_, req) => heads.push(req.rawHeaders));
  const offer = 'x-webkit-deflate-frame, permessage-deflate; client_max_window_bits, bbf-usp-protocol';
  const headers = [...simple.request.headers, 'Sec-WebSocket-Extensions', offer];
  const recorded = { ...simple, request: { ...simple.request, headers } };
  const results = await replayAll([recorded, { ...recorded, id: 2 }], createSender(service.origin));
  expect(results.map(({ entry }) => [entry.outcome, entry.status])).toEqual([
    ['answered', 101],
    ['answered', 101],
  ]);
  const host = service.origin.slice('http://'.length);
  const [first, second] = heads;
  expect(first).toEqual([
    ...['Host', host, 'UPGRADE', 'websocket', 'connection', 'keep-alive, Upgrade', 'X-Own', 'a'],
    ...['Sec-WebSocket-Version', '13', 'X-Own', 'b'],
    ...['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits'],
    ...['Sec-WebSocket-Key', expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/)],
  ]);
  expect(first?.at(-1)).not.toBe(second?.at(-1));
});

test('messages go in their order and at their times, each after those that it answered', async () => {
  const seen: string[] = [];
  await using service = await socketService((socket) => {
    socket.on('message', (data, isBinary) => {
      seen.push(`${isBinary} ${String(data)}`);
      // Later than when it was recorded.
      setTimeout(() => socket.send(`re: ${String(data)}`), 30);
    });
  });
  const recorded = aConversation([
    ['request', 5, 1, 'first'],
    ['response', 6, 1, 're: first'],
    ['request', 7, 2, 'second'],
    ['response', 8, 1, 're: second'],
    ['request', 9, 8, bye],
    ['response', 10, 8, bye],
  ]);
  const [result] = await replayAll([recorded], createSender(service.origin));
  expect(seen).toEqual(['false first', 'true second']);
  expect(answeredWith(result?.replayed)).toEqual([
    [1, 're: first'],
    [1, 're: second'],
    [8, bye.toString('latin1')],
  ]);
  const { messageLagsNs = [], messagesBlockedNs = [], messagesUnawaited } = result?.entry ?? {};
  expect(messageLagsNs).toHaveLength(3);
  // The first may have waited for the handshake.
  expect(messagesBlockedNs.slice(-2).map((ns) => ns > 15 * ms)).toEqual([true, true]);
  expect(messagesUnawaited).toBeUndefined();
  const [first, second] = result?.replayed?.request.messages.map(({ at }) => at) ?? [];
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(25 * ms);
});

test('a message does not wait for ever for one that does not come', async () => {
  await using service = await socketService((socket) => {
    socket.on('message', () => undefined);
  });
  const recorded = aConversation([
    ['request', 1, 1, 'first'],
    ['response', 2, 1, 'the answer'],
    ['request', 3, 1, 'second'],
    ['request', 4, 8, bye],
    ['response', 5, 8, bye],
  ]);
  const [result] = await replayAll([recorded], createSender(service.origin, { maxMessageWaitMs: 20 }));
  expect(result?.entry.messagesUnawaited).toBe(2);
  const [without] = await replayAll([recorded], createSender(service.origin), { order: 'none' });
  expect(without?.entry.messagesUnawaited).toBeUndefined();
});

test('pings of the target are answered at once, in the place of recorded pongs; other pongs go as they were', async () => {
  const pongs: string[] = [];
  const pings: string[] = [];
  await using service = await socketService((socket) => {
    socket.on('pong', (data) => pongs.push(String(data)));
    socket.on('ping', (data) => pings.push(String(data)));
    socket.ping('live');
    socket.once('pong', () => socket.send('go on'));
  });
  const recorded = aConversation([
    ['response', 1, 9, 'recorded'],
    ['request', 2, 10, 'recorded'],
    ['response', 3, 1, 'go on'],
    ['request', 4, 9, 'mine'],
    ['request', 5, 10, 'unasked'],
    ['request', 6, 8, bye],
    ['response', 7, 8, bye],
  ]);
  const [result] = await replayAll([recorded], createSender(service.origin));
  expect(result?.entry.outcome).toBe('answered');
  expect(pongs).toEqual(['live', 'unasked']);
  expect(pings).toEqual(['mine']);
  expect(answeredWith(result?.replayed).filter(([kind]) => kind !== 8)).toEqual(
    expect.arrayContaining([
      [9, 'live'],
      [1, 'go on'],
      [10, 'mine'],
    ]),
  );
});

test('thousands of recorded pongs that are due at once are passed over one by one', async () => {
  await using service = await socketService((socket) => socket.on('message', (data) => socket.send(data)));
  const many = Array.from({ length: 20_000 });
  const recorded = aConversation([
    ...many.map((): Said => ['response', 1, 9, '']),
    ...many.map((): Said => ['request', 2, 10, '']),
    ['request', 3, 1, 'still here'],
    ['response', 4, 1, 'still here'],
    ['request', 5, 8, bye],
    ['response', 6, 8, bye],
  ]);
  const [result] = await replayAll([recorded], createSender(service.origin));
  expect(result?.entry.outcome).toBe('answered');
  expect(answeredWith(result?.replayed)[0]).toEqual([2, 'still here']);
});

test('a close of the target is answered at once, and what was not said by then is not said', async () => {
  const codes: number[] = [];
  await using service = await socketService((socket) => {
    socket.on('close', (code) => codes.push(code));
    socket.on('message', () => socket.close(1012, 'restart'));
  });
  const recorded = aConversation([
    ['request', 1, 1, 'first'],
    ['request', 60_000, 1, 'much later'],
    ['request', 60_001, 8, bye],
    ['response', 60_002, 8, bye],
  ]);
  const [result] = await replayAll([recorded], createSender(service.origin));
  expect(result?.entry.outcome).toBe('answered');
  expect(answeredWith(result?.replayed)).toEqual([[8, '\x03\xf4restart']]);
  expect(result?.replayed?.request.messages).toHaveLength(1);
  await expect.poll(() => codes).toEqual([1012]);
});

test('compressed answers are read, also those that go on from each other', async () => {
  const said = Array.from({ length: 20 }, (_, i) => `the same ${'again '.repeat(300)}${i}`);
  await using service = await socketService(
    (socket) => {
      for (const text of said) socket.send(text);
      socket.close();
    },
    { perMessageDeflate: { threshold: 0 } },
  );
  const headers = [...simple.request.headers, 'Sec-WebSocket-Extensions', 'permessage-deflate'];
  const recorded = aConversation([['request', 60_000, 8, bye]]);
  const [result] = await replayAll(
    [{ ...recorded, request: { ...recorded.request, headers } }],
    createSender(service.origin),
  );
  expect(answeredWith(result?.replayed).slice(0, -1)).toEqual(said.map((text) => [1, text]));
  expect(result?.replayed?.response?.size).toBe(said.join('').length);
});

test('what masking did not keep of a client’s message cannot be sent; a control frame goes without it', async () => {
  const sender = createSender('http://127.0.0.1:1');
  const dropped = (kind: number): Exchange => {
    const recorded = aConversation([['request', 1, kind, 'x']]);
    const messages = recorded.request.messages.map((one) => ({ ...one, state: 'dropped:binary' as const }));
    return { ...recorded, request: { ...recorded.request, messages } };
  };
  expect(sender.prepare(dropped(2))).toEqual({ skip: 'body-not-kept' });
  expect(sender.prepare(dropped(5))).toEqual({ skip: 'body-not-kept' });
  expect(sender.prepare(dropped(9))).toMatchObject({ parts: [{ bytes: Buffer.from([9]) }, { kind: 'end' }] });
  const long = aConversation([['request', 1, 8, `\x03\x03${'r'.repeat(200)}`]]);
  expect(sender.prepare(long)).toMatchObject({ parts: [{ bytes: Buffer.from([8, 3, 3]) }] });
  const moved = { ...simple, request: { ...simple.request, target: '/a b' } };
  expect(sender.prepare(moved)).toEqual({ skip: 'request-invalid' });
});

test('a handshake that is refused is answered with what came, and with no message', async () => {
  await using service = await socketService(undefined, {
    verifyClient: (_, accept) => accept(false, 403, 'not you'),
  });
  const [result] = await replayAll([simple], createSender(service.origin));
  expect(result?.entry).toMatchObject({ outcome: 'answered', recordedStatus: 101, status: 403 });
  expect(Buffer.concat(result?.replayed?.response?.chunks.map(({ data }) => data) ?? []).toString()).toBe(
    'not you',
  );
  expect(result?.replayed?.request.messages).toEqual([]);
});

test('a client that broke off does so again, when what it had said is sent', async () => {
  const seen: unknown[] = [];
  await using service = await socketService((socket) => {
    socket.on('message', (data) => seen.push(String(data)));
    socket.on('close', (code) => seen.push(code));
    socket.on('error', () => undefined);
  });
  const recorded = aConversation([['request', 5, 1, 'last words']], {
    abort: { at: 20 * ms, by: 'client', code: 'ECONNRESET' },
  });
  const [result] = await replayAll([recorded], createSender(service.origin));
  expect(result?.replayed?.abort).toMatchObject({ by: 'client', code: 'ECONNRESET' });
  await expect.poll(() => seen).toEqual(['last words', 1006]);
});

test('HTTP requests and WebSockets of one capture go in one run, on one clock', async () => {
  await using service = await socketService();
  const request = anExchange({ id: 2, lane: 'b', startAt: 2 * ms });
  const results = await replayAll([{ ...simple, id: 1, lane: 'a' }, request], createSender(service.origin));
  expect(results.map(({ entry }) => [entry.protocol, entry.status]).sort()).toEqual([
    ['http', 200],
    ['websocket', 101],
  ]);
});

const accepted = (key: string, more = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${more}\r\n`;

test.each<[name: string, answer: (key: string) => (string | Uint8Array)[], code: string, message: RegExp]>([
  ['a wrong accept', () => [accepted('another')], 'response-malformed', /does not answer the key/],
  [
    'an extension that was not offered',
    (key) => [accepted(key, 'Sec-WebSocket-Extensions: x-other\r\n')],
    'response-malformed',
    /not offered/,
  ],
  [
    'a switch to something else',
    () => ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'],
    'response-malformed',
    /another protocol/,
  ],
  ['no HTTP', () => ['garbage\r\n\r\n'], 'response-malformed', /not valid HTTP/],
  ['garbage frames', (key) => [accepted(key), 'garbage'], 'response-malformed', /not a WebSocket/],
  [
    'masked frames',
    (key) => [accepted(key), frame('a', { mask: Buffer.alloc(4) })],
    'response-malformed',
    /masked/,
  ],
  [
    'a huge length',
    (key) => [accepted(key), Buffer.from([0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    'response-malformed',
    /too large to count/,
  ],
  [
    'compression that was not agreed on',
    (key) => [accepted(key), frame(packed('a'), { reserved: 4 })],
    'response-malformed',
    /reserved bit/,
  ],
])('a hostile target ends in an honest outcome: %s', async (_name, answer, code, message) => {
  await using at = await listening(createServer());
  at.server.on('upgrade', (req, socket) => {
    socket.on('error', () => undefined);
    for (const piece of answer(req.headers['sec-websocket-key'] ?? '')) socket.write(piece);
  });
  const recorded = aConversation([['request', 60_000, 8, bye]]);
  const [result] = await replayAll([recorded], createSender(at.origin));
  expect(result?.entry.error).toEqual({ code, message: expect.stringMatching(message) });
});

test('a target that breaks off, says nothing more, or does not answer a close: each is told', async () => {
  await using at = await listening(createServer());
  at.server.on('upgrade', (req, socket) => {
    socket.on('error', () => undefined);
    socket.write(accepted(req.headers['sec-websocket-key'] ?? ''));
    if (req.url === '/chat') socket.end();
    else socket.resume();
  });
  const silent = { ...simple, id: 2, lane: 'b', request: { ...simple.request, target: '/silent' } };
  const waiting = aConversation([['request', 1, 1, 'a']], { id: 3, lane: 'c' });
  const never = { ...waiting, request: { ...waiting.request, target: '/never' } };
  const results = await replayAll([simple, silent, never], createSender(at.origin, { maxMessageWaitMs: 50 }));
  const of = (id: number): string | undefined =>
    results.find(({ entry }) => entry.exchange === id)?.entry.error?.code;
  expect([of(1), of(2)]).toEqual(['connection-closed', 'response-timeout']);
  // Its client had gone without a close as well.
  expect(of(3)).toBeUndefined();
});

test('a target that floods is kept within limits, and its pings do not pile up', async () => {
  await using at = await listening(createServer());
  at.server.on('upgrade', (req, socket) => {
    socket.on('error', () => undefined);
    socket.write(accepted(req.headers['sec-websocket-key'] ?? ''));
    const flood = Buffer.concat(
      Array.from({ length: 200 }, (_, i) => frame('p', { opcode: i % 2 === 0 ? 9 : 1 })),
    );
    for (let i = 0; i < 50; i++) socket.write(flood);
    socket.write(frame(Buffer.alloc(200_000), { opcode: 2 }));
    socket.write(closeFrame(1000));
  });
  const recorded = aConversation([['request', 60_000, 8, bye]]);
  const [result] = await replayAll([recorded], createSender(at.origin, { maxBodyBytes: 100_000 }));
  expect(result?.entry.outcome).toBe('answered');
  expect(result?.replayed?.response).toMatchObject({ size: 210_002, state: 'truncated' });
  expect(answeredWith(result?.replayed).length).toBeLessThan(1_000);
});

test('an answer that cannot be decompressed is malformed, with what came before it', async () => {
  await using at = await listening(createServer());
  at.server.on('upgrade', (req, socket) => {
    socket.on('error', () => undefined);
    socket.write(
      accepted(req.headers['sec-websocket-key'] ?? '', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'),
    );
    socket.write(Buffer.concat([frame(packed('fine'), { reserved: 4 }), frame('\xff\xff', { reserved: 4 })]));
    socket.write(closeFrame(1000));
  });
  const recorded = aConversation([['request', 60_000, 8, bye]]);
  const headers = [...recorded.request.headers, 'Sec-WebSocket-Extensions', 'permessage-deflate'];
  const [result] = await replayAll(
    [{ ...recorded, request: { ...recorded.request, headers } }],
    createSender(at.origin),
  );
  expect(result?.entry.error?.code).toBe('response-malformed');
  expect(answeredWith(result?.replayed)).toEqual([[1, 'fine']]);
});

test('a handshake that is never answered ends within its time limit', async () => {
  await using at = await listening(createServer());
  at.server.on('upgrade', (_, socket) => socket.on('error', () => undefined));
  const [result] = await replayAll([simple], createSender(at.origin), { guard: { timeoutMs: 50 } });
  expect(result?.entry.error?.code).toBe('response-timeout');
});

test('an application in this process is sent to without a port', async () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`re: ${String(data)}`)));
  const [result] = await replayAll([simple], await createInProcessSender(server));
  expect(answeredWith(result?.replayed)).toEqual([
    [1, 're: hello'],
    [8, bye.toString('latin1')],
  ]);
});

test('messages are compared: text as JSON or text, closes by code; pings and what was not kept are left out', async () => {
  await using service = await socketService((socket) => {
    socket.ping();
    socket.send('{"id":8,"at":"now"}');
    socket.send(Buffer.from([1]));
    socket.close(1001, 'bye');
  });
  const recorded = aConversation([
    ['response', 1, 1, '{"id":7,"at":"now"}'],
    ['response', 2, 2, ''],
    ['response', 3, 8, bye],
    ['request', 4, 8, bye],
  ]);
  const messages = recorded.response?.messages.map((one) =>
    one.kind === 2 ? { ...one, state: 'dropped:binary' as const } : one,
  );
  const exchange = {
    ...recorded,
    response: recorded.response && { ...recorded.response, messages: messages ?? [] },
  };
  const [result] = await replayAll([exchange], createSender(service.origin));
  if (result?.replayed === undefined) throw new Error('nothing was replayed');
  const { differences, notCompared } = compareExchange(result.recorded, result.replayed);
  expect(
    differences.map(({ path, recorded: was, patch }) => [path, was, 'value' in patch && patch.value]),
  ).toEqual([
    ['body:$[2].close', 1000, 1001],
    ['body:$[0].id', 7, 8],
  ]);
  expect(notCompared).toContainEqual({ part: 'body', reason: 'recorded message dropped:binary' });
});
