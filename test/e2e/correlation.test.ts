import { readFileSync, writeFileSync } from 'node:fs';
import {
  byProtocol,
  type CompareOptions,
  createMasker,
  createRecorder,
  emptyExchange,
  fileSink,
  type HookRule,
  headerValue,
  LiveValues,
  learnBindings,
  noMask,
  openCapture,
  type Policy,
  parseBindings,
  printBindings,
  type Report,
  readSchemas,
  renderReport,
  replay,
} from '@gardenhose/core';
import { createSender as createGrpcSender } from '@gardenhose/grpc-adapter';
import { createInProcessSender, createSender } from '@gardenhose/http-adapter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { booking, password } from '../support/booking.ts';
import { visit } from '../support/booking-client.ts';
import { tempDir } from '../support/captures.ts';
import { runCli } from '../support/run-cli.ts';

const dir = tempDir();
const plain = dir.file('plain.hose');
const masked = dir.file('masked.hose');
const visitors = 12;

/** All that says who somebody is, and every id. */
const everything: Policy = {
  version: 1,
  key: { base64: Buffer.alloc(32, 7).toString('base64') },
  rules: [
    {
      id: 'booking/id',
      at: [
        'path:/bookings/:id',
        'path:/bookings/:id/**',
        'path:/shared/:id',
        'json:$..id',
        'form:booking',
        'proto:booking.v1.OpenRequest.booking',
      ],
      mask: { do: 'token', type: 'booking' },
    },
  ],
};

beforeAll(async () => {
  for (const [path, mask] of [
    [plain, noMask],
    [masked, everything],
  ] as const) {
    const recorder = createRecorder({ service: 'booking', sink: fileSink({ path }), mask });
    {
      await using served = await booking(recorder);
      const somebodys = await visit(served, 'ann');
      await Promise.all(
        Array.from({ length: visitors - 1 }, (_, i) => visit(served, `visitor${i}`, somebodys)),
      );
    }
    await recorder.close();
  }
});
afterAll(() => dir[Symbol.dispose]());

/** Who logs in at the replay, where the capture does not tell. */
const account: HookRule[] = [
  {
    do: 'patch-body',
    where: { path: '/login' },
    patch: [{ op: 'replace', path: '/password', value: password }],
  },
];

/** Against a service that has just started. */
async function replayed(
  path: string,
  correlate: boolean,
  rules: readonly HookRule[] = [],
  compare: boolean | CompareOptions = false,
  isWrong: boolean = false,
): Promise<Report> {
  await using served = await booking(undefined, isWrong);
  const sender = byProtocol({ http: createSender(served.origin), grpc: createGrpcSender(served.grpcOrigin) });
  try {
    return await replay(path, sender, { pace: 'asap', correlate, rules, compare });
  } finally {
    await sender.close();
  }
}

function wrong({ statuses }: Report): number {
  return statuses.reduce(
    (sum, { recorded, replayed: now, count }) => sum + (recorded === now ? 0 : count),
    0,
  );
}

test('statuses that a replay without live values gets wrong come out as recorded', async () => {
  const naive = await replayed(plain, false);
  const live = await replayed(plain, true);
  expect(wrong(naive)).toBeGreaterThan(visitors * 13);
  expect(wrong(live)).toBe(0);
});

test('the same where every secret and every id is masked in the capture', async () => {
  const naive = await replayed(masked, false, account);
  const live = await replayed(masked, true, account);
  expect(wrong(naive)).toBeGreaterThan(visitors * 13);
  expect(wrong(live)).toBe(0);
});

test('the same where the application is in this process, and no live value stands in the report', async () => {
  await using served = await booking();
  const http = await createInProcessSender(served.server);
  const sender = byProtocol({ http, grpc: createGrpcSender(served.grpcOrigin) });
  const tokens = new Set<string>();
  const report = await replay(plain, sender, {
    pace: 'asap',
    correlate: true,
    onResult: ({ replayed: { request } = emptyExchange }) => {
      tokens.add(headerValue(request.headers, 'authorization')?.slice('Bearer '.length) ?? 'none');
    },
  });
  await sender.close();
  expect(wrong(report)).toBe(0);
  expect(tokens.size).toBe(visitors + 1);
  const text = JSON.stringify(report) + renderReport(report);
  for (const token of tokens) if (token !== 'none') expect(text).not.toContain(token);
});

test('compared, fresh ids and tokens are no differences, and a wrong id is one', async () => {
  const { differences } = await replayed(plain, true, [], true);
  expect(differences).toMatchObject({ changed: 0, suspect: 0 });
  expect(differences?.explained).toBeGreaterThan(visitors * 10);
  const planted = await replayed(plain, true, [], true, true);
  const [group, ...others] = planted.differences?.groups ?? [];
  expect(others).toEqual([]);
  expect(group).toMatchObject({ operation: 'GET /shared/:id', path: 'body:$.id', verdict: 'changed' });
  expect((await replayed(plain, false, [], true)).differences?.explained).toBe(0);
});

test('the same where both sides are masked', async () => {
  await using capture = await openCapture(masked);
  const compare = {
    masker: createMasker(everything),
    recordedPolicy: capture.header.policy,
    // The policy masks these values elsewhere and not here, so that nothing joins them.
    ignore: ['header:location', 'body:$.version'],
  };
  const { differences } = await replayed(masked, true, account, compare);
  expect(differences).toMatchObject({ changed: 0, suspect: 0 });
  expect(differences?.explained).toBeGreaterThan(visitors * 10);
  const planted = await replayed(masked, true, account, compare, true);
  expect(planted.differences?.groups).toMatchObject([
    { operation: 'GET /shared/:id', path: 'body:$.id', verdict: 'changed' },
  ]);
});

test('the command line lists bindings, writes them, and replays by them or without', async () => {
  const file = dir.file('bindings.json');
  const listed = await runCli(['correlate', plain, '-o', file]);
  expect(listed).toMatchObject({ code: 0, stderr: '' });
  expect(listed.stdout).toMatch(/^.*plain\.hose: 20 bindings\n/);
  expect(listed.stdout).toMatch(
    /^ +36 +12 +0 +0\.97 +POST \/login +body\.\$\.csrfToken +→ +\* +header\.x-csrf-token *$/m,
  );
  expect(parseBindings(readFileSync(file, 'utf8')).bindings).toHaveLength(20);
  const again = await runCli(['correlate', plain, '-o', file, '--json']);
  expect(again.code).toBe(74);
  expect(JSON.parse(again.stdout).error.message).toContain('it is there already');

  const sent = async (...flags: string[]) => {
    await using served = await booking();
    const targets = ['--to', served.origin, '--to-grpc', served.grpcOrigin];
    const { stdout } = await runCli(['replay', plain, ...targets, '--pace', 'asap', '--json', ...flags]);
    return JSON.parse(stdout);
  };
  expect(wrong(await sent())).toBe(0);
  const off = parseBindings(readFileSync(file, 'utf8')).bindings.map((each) => ({ ...each, enabled: false }));
  writeFileSync(file, printBindings({ format: 'gardenhose-bindings/1', bindings: off }));
  expect((await sent('--bindings', file)).bindings).toMatchObject({ bindings: 0, used: 0 });
  expect((await sent('--no-correlate')).bindings).toBeUndefined();
  const shifted = await sent('--no-correlate', '--time-shift');
  expect(shifted).toMatchObject({ run: { thread: 'worker' }, timeShift: { times: 0, tokens: 0 } });
  expect(shifted.timeShift.byMs).toBeGreaterThan(0);
  expect((await sent('--jwt-key-file', file)).error.message).toContain('only with --time-shift');
  expect((await sent('--no-correlate', '--bindings', file)).error.message).toContain(
    '--bindings has no effect',
  );
});

test('no binding joins what has nothing to do with each other', async () => {
  await using capture = await openCapture(plain);
  const { bindings } = await learnBindings(capture.exchanges(), { schemas: await readSchemas(capture) });
  expect(
    bindings.map(({ from, to }) => `${from.operation} ${from.place} → ${to.operation} ${to.place}`),
  ).toEqual([
    '* set-cookie.sid → * cookie.sid',
    '* set-cookie.theme → * cookie.theme',
    'POST /login body.$.accessToken → * header.authorization',
    '* header.etag → * header.if-match',
    '* header.etag → * header.if-none-match',
    'POST /bookings header.etag → * header.if-none-match',
    'POST /login body.$.accessToken → * header.x-access-token',
    'POST /login body.$.csrfToken → * header.x-csrf-token',
    'GET /bookings body.$.cursor → GET /bookings query.cursor',
    'POST /bookings body.$.id → GET /bookings/:id path[1]',
    'POST /bookings body.$.id → GET /shared/:id path[1]',
    'POST /bookings body.$.id → POST /bookings/:id/pay form.booking',
    'POST /login body.$.csrfToken → POST /bookings/:id/pay form.csrf_token',
    'POST /bookings body.$.id → POST /bookings/:id/pay path[1]',
    'POST /bookings body.$.id → PUT /bookings/:id path[1]',
    'booking.v1.Tickets/Open message.$.gate_pass → booking.v1.Tickets/Follow message.$.gate_pass',
    'booking.v1.Tickets/Open message.$.number → booking.v1.Tickets/Follow message.$.number',
    'POST /bookings body.$.id → booking.v1.Tickets/Open message.$.booking',
    'booking.v1.Tickets/Open message.$.gate_pass → booking.v1.Tickets/Scan message.$.gate_pass',
    'booking.v1.Tickets/Open message.$.number → booking.v1.Tickets/Scan message.$.number',
  ]);
  expect(new LiveValues({ format: 'gardenhose-bindings/1', bindings }).uses()).toHaveLength(bindings.length);
});
