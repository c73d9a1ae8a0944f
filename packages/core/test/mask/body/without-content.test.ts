import { expect, test } from 'vitest';
import { withoutContent } from '../../../src/mask/body/without-content.ts';
import type { ExchangeEvent } from '../../../src/model/event.ts';
import { exchangeEvents, exchangeKinds } from '../../../src/testing/exchange-events.ts';

const secret = 'S3cretS3cret';

/** The event with a secret in every text that a client or server chooses, and in its bytes. */
function withSecrets(event: ExchangeEvent): ExchangeEvent {
  const data = Buffer.from(secret);
  switch (event.type) {
    case 'start':
    case 'resume':
      return {
        ...event,
        lane: secret,
        target: secret,
        operation: secret,
        peer: secret,
        authority: secret,
        headers: [secret, secret],
      };
    case 'headers':
      return { ...event, reason: secret, headers: [secret, secret] };
    case 'trailers':
      return { ...event, headers: [secret, secret] };
    case 'chunk':
    case 'message':
    case 'body':
      return { ...event, data };
    case 'abort':
      return { ...event, code: secret };
    case 'mark':
      return { ...event, name: secret, value: secret };
    default:
      return event;
  }
}

test('leaves nothing of what an event held', () => {
  for (const kind of exchangeKinds) {
    for (const event of exchangeEvents({ kind })) {
      const left = withoutContent(withSecrets(event));
      expect([event.type, JSON.stringify(left ?? {}).includes(secret)]).toEqual([event.type, false]);
      expect(left ?? {}).not.toHaveProperty('data');
    }
  }
  const abort = { type: 'abort', seq: 1, at: 1, exchange: 1, by: 'client', code: secret } as const;
  expect(withoutContent(abort)).toEqual({ ...abort, code: '' });
});
