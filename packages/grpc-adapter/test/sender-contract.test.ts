import { senderContract } from '@gardenhose/core/testing';
import { describe, test } from 'vitest';
import { createSender } from '../src/sender.ts';
import { aCall } from './support/calls.ts';
import { serve } from './support/service.ts';

for (const channels of ['lane', 2] as const) {
  describe(`a gRPC sender with channels: ${channels}`, () => {
    const cases = senderContract(async () => {
      const running = await serve({
        upload: () => {
          // Never answers.
        },
      });
      return {
        sender: createSender(`http://127.0.0.1:${running.port}`, { channels }),
        unreachable: createSender('http://127.0.0.1:1', { channels }),
        answered: aCall(),
        unanswered: aCall({ target: '/test.Echo/Upload' }),
        close: async () => running[Symbol.asyncDispose](),
      };
    });
    for (const { name, run } of cases) test(name, run);
  });
}
