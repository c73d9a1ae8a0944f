import { expect, test } from 'vitest';
import { composeRecordHooks } from '../../src/hook/compose.ts';
import type { RecordHooks } from '../../src/hook/hook.ts';
import { recordRules } from '../../src/hook/record-rules.ts';
import type { ExchangeEvent } from '../../src/model/event.ts';
import { bodyBytes } from '../../src/model/exchange.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const email = ['ada', 'example.com'].join('@');
const bearer = `Bearer ${'abcdef0123456789'.repeat(2)}`;

/** Records one exchange that these hooks see; gives what was written, and what became of it. */
async function recorded(hooks: RecordHooks, headers: readonly string[] = []) {
  const sink = memorySink();
  const recorder = createRecorder({
    service: 'shop',
    sink,
    hooks,
    clock: new ManualClock(),
    mask: { version: 1 },
  });
  const tap = recorder.begin(aStart({ target: `/orders?email=${email}`, headers }));
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', ['Content-Type', 'application/json']);
  tap?.chunk('response', Buffer.from(`{"email":"${email}","id":7}`));
  tap?.end('response');
  const stats = await recorder.close();
  return { sink, stats, exchange: assembleAll(sink.events)[0], text: JSON.stringify(sink.events) };
}

test('a hook before the mask sees values as they are; what it gives back is masked', async () => {
  const seen: ExchangeEvent[] = [];
  const { exchange, sink, text, stats } = await recorded({
    beforeMask(event, context) {
      seen.push(event.type === 'chunk' ? { ...event, data: Buffer.from(event.data ?? []) } : event);
      if (event.type === 'start') {
        context.mark('customer', email);
        context.mark('plan', 'gold');
        return { ...event, target: `${event.target}&password=open`, headers: ['x-request-id', email] };
      }
      if (event.type !== 'chunk') return undefined;
      return { ...event, data: Buffer.from(`{"email":"b${email}","seen":true}`) };
    },
  });
  expect(seen.map(({ type }) => type)).toEqual(['start', 'end', 'headers', 'chunk', 'end']);
  expect(JSON.stringify(seen)).toContain(`email=${email}`);
  expect(text).not.toContain(email);
  expect(exchange?.request.target).toMatch(/^\/orders\?email=mk_email_\S+&password=mk_secret_\S+$/);
  expect(exchange?.marks).toEqual([
    { name: 'customer', value: expect.stringMatching(/^mk_email_/) },
    { name: 'plan', value: 'gold' },
  ]);
  const body = exchange?.response && Buffer.from(bodyBytes(exchange.response)).toString();
  expect(body).toMatch(/^\{"email":"mk_email_[\w-]{16}","seen":true\}$/);
  expect(sink.header?.policy).toMatchObject({ mode: 'masked', hookBeforeMask: true });
  expect(stats).toMatchObject({ hookDrops: 0, eventsLost: { hook: 0, mask: 0 } });
});

test('only a hook before the mask is told of in the header', async () => {
  const later = composeRecordHooks([{ onEvent: () => undefined }, recordRules([])]);
  expect((await recorded(later)).sink.header?.policy).not.toHaveProperty('hookBeforeMask');
  const earlier = composeRecordHooks([{ beforeMask: () => undefined }, { onEvent: () => undefined }]);
  expect((await recorded(earlier)).sink.header?.policy).toMatchObject({ hookBeforeMask: true });
});

test('hooks before and behind the mask run in this order, each on what the one before made', async () => {
  const targets: string[] = [];
  const note = (target: string) => void targets.push(target.replace(/mk_email_[\w-]{16}/, 'TOKEN'));
  const { exchange } = await recorded(
    composeRecordHooks([
      {
        beforeMask: (event) => (event.type === 'start' ? { ...event, target: `${event.target}&a=1` } : event),
        onExchange: ({ target }) => note(target),
      },
      {
        beforeMask(event) {
          if (event.type === 'start') note(event.target);
        },
        onExchange: (start) => ({ ...start, target: `${start.target}&b=2` }),
      },
    ]),
  );
  expect(targets).toEqual([`/orders?email=${email}&a=1`, '/orders?email=TOKEN&a=1']);
  expect(exchange?.request.target).toMatch(/&a=1&b=2$/);
});

test('a hook before the mask that drops, fails or hands back another event loses its exchange, counted', async () => {
  const dropped = await recorded({
    beforeMask(event, context) {
      if (event.type === 'headers') context.drop();
    },
  });
  expect(dropped.stats).toMatchObject({ hookDrops: 1, exchangesLost: { hook: 1 }, eventsLost: { hook: 3 } });
  expect(dropped.exchange).toMatchObject({ partial: ['no-end'], abort: { code: 'hook-dropped' } });
  const failed = await recorded({
    beforeMask() {
      throw new Error(email);
    },
  });
  expect(failed.stats).toMatchObject({ hookDrops: 0, exchangesLost: { hook: 1 } });
  expect(JSON.stringify([failed.stats, failed.text])).not.toContain(email);
  const other = await recorded({
    beforeMask: ({ seq, at, exchange }) => ({ type: 'mark', seq, at, exchange, name: 'a', value: 'b' }),
  });
  expect(other.stats.lastError).toContain("gave back a 'mark' event in place of a 'start' event");
});

test('what hooks behind the mask put into heads and marks is masked again, and what they mean stays', async () => {
  const { exchange, text } = await recorded({
    onExchange: (start, context) => {
      context.mark('note', `asked by ${email}`);
      context.mark('password', 'open sesame');
      context.mark('tenant', 'garden');
      return {
        ...start,
        target: `${start.target}&token=abcdefgh`,
        headers: ['Authorization', bearer, 'X-Tenant', 'garden', 'X-Owner', email, 'Cookie', 'sid=abc'],
      };
    },
    onEvent: (event) =>
      event.type === 'headers' ? { ...event, headers: [...event.headers, 'From', email] } : event,
  });
  for (const secret of [email, bearer, 'open sesame', 'abcdefgh', 'sid=abc'])
    expect(text).not.toContain(secret);
  expect(exchange?.marks).toContainEqual({ name: 'tenant', value: 'garden' });
  expect(exchange?.request.headers.slice(2, 4)).toEqual(['X-Tenant', 'garden']);
  expect(exchange?.unknownHeaders).toEqual([]);
});

test('a hook that changes nothing leaves every byte, and unknown headers masked', async () => {
  const { exchange } = await recorded({ onExchange: (start) => ({ ...start }) }, ['X-Tenant', 'garden']);
  expect(exchange?.request.headers[1]).toMatch(/^mk_header_/);
  expect(exchange?.unknownHeaders).toEqual(['x-tenant']);
});

test('a mark that a hook puts at the end of an exchange is part of it', async () => {
  const { exchange } = await recorded({
    onEvent(event, context) {
      if (event.type === 'end' && event.side === 'response') context.mark('seen', 'to the end');
    },
  });
  expect(exchange?.marks).toEqual([{ name: 'seen', value: 'to the end' }]);
});
