import { expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { exchangeEvents } from '../../../src/testing/exchange-events.ts';
import { aPolicy, maskEvents } from '../support.ts';

const text = 1;
const binary = 2;
const close = 8;
const ping = 9;

/** One WebSocket message after masking: its text, each token as its type, or its state when there is none. */
function mask(kind: number, content: string, policy: Partial<Policy> = {}): string {
  const data = Buffer.from(content, kind === binary ? 'latin1' : 'utf8');
  const events = exchangeEvents({ kind: 'websocket' }).map((event) =>
    event.type === 'message' ? { ...event, kind, data, size: data.length } : event,
  );
  const masked = maskEvents(createMasker(aPolicy(policy)), events).find((event) => event.type === 'message');
  if (masked?.data === undefined) return masked?.state ?? '';
  const shown = Buffer.from(masked.data).toString();
  expect(masked.state).toBe(shown === content ? 'kept' : 'masked');
  return shown.replace(/mk_[a-z-]+_[\w-]{16}/g, (found) => `<${found.split('_')[1]}>`);
}

test('reads a message of text as JSON or as text', () => {
  expect(mask(text, '{"firstName":"Bob","a":1.0}')).toBe('{"firstName":"<name>","a":1.0}');
  expect(mask(text, '[1,{"pin":"1"}]')).toBe('[1,{"pin":"<secret>"}]');
  expect(mask(text, 'to bob@example.com')).toBe('to <email>');
  expect(mask(text, '{"firstName":"Bob"')).toBe('<value>');
  expect(mask(text, '')).toBe('');
});

test('reads JSON behind what Socket.IO and SockJS put before it', () => {
  expect(mask(text, '42["login",{"firstName":"Bob"}]')).toBe('42["login",{"firstName":"<name>"}]');
  expect(mask(text, '42/room,17["login",{"firstName":"Bob"}]')).toBe(
    '42/room,17["login",{"firstName":"<name>"}]',
  );
  expect(mask(text, '0{"sid":"abcdef"}')).toBe('0{"sid":"<secret>"}');
  expect(mask(text, 'a["{\\"firstName\\":\\"Bob\\"}"]')).toBe('a["{\\"firstName\\":\\"<name>\\"}"]');
  expect(mask(text, '42["login",{"firstName":"Bob"}')).toBe('42<value>');
});

test('reads the headers and the body of a STOMP frame', () => {
  expect(mask(text, 'CONNECT\naccept-version:1.2\nlogin:bob\npasscode:hun\\cter2\n\n\0')).toBe(
    'CONNECT\naccept-version:1.2\nlogin:<user>\npasscode:<secret>\n\n\0',
  );
  expect(mask(text, 'SEND\r\ndestination:/q\r\nx:bob@example.com\r\n\r\n{"firstName":"Bob"}\0\n')).toBe(
    'SEND\r\ndestination:/q\r\nx:<email>\r\n\r\n{"firstName":"<name>"}\0\n',
  );
  expect(mask(text, 'CONNECT\npasscode:hunter2')).toBe('CONNECT\npasscode:<secret>');
  expect(mask(text, 'MESSAGE\na:b\\cc\n\nhello\0')).toBe('MESSAGE\na:b\\cc\n\nhello\0');
  expect(mask(text, 'SEND it')).toBe('SEND it');
});

test('looks at reasons of a close and at pings as at text', () => {
  expect(mask(close, '\x03\x01bye bob@example.com')).toBe('\x03\x01bye <email>');
  expect(mask(close, '\x03')).toBe('\x03');
  expect(mask(ping, 'bob@example.com')).toBe('<email>');
});

test('drops binary messages, or keeps their digest', () => {
  expect(mask(binary, '\xff\x00bob')).toBe('dropped:binary');
  expect(mask(binary, '\xff\x00bob', { unknownContent: 'digest' })).toBe('<content>');
});

test('follows a rule for whole bodies, but not in what ends a connection', () => {
  const rules: Policy['rules'] = [{ id: 'b', when: { protocol: 'websocket' }, at: 'body', mask: 'redact' }];
  expect(mask(text, '{"a":1}', { rules })).toBe('[REDACTED]');
  expect(mask(binary, '\xff', { rules })).toBe('[REDACTED]');
  expect(mask(close, '\x03\x01bye', { rules })).toBe('\x03\x01bye');
  expect(mask(text, 'x', { rules: [{ id: 'b', at: 'body', mask: 'remove' }] })).toBe('dropped:removed');
  const kept: Policy['rules'] = [{ id: 'b', at: 'body', mask: { do: 'keep', detectors: false } }];
  expect(mask(text, 'bob@example.com', { rules: kept })).toBe('bob@example.com');
});
