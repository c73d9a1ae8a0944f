import { expect, test } from 'vitest';
import { parseSaveOn } from '../../src/capture/save-on.ts';

test('triggers stand in one text, with commas between them', () => {
  const text = 'error, aborted,status:503,status:4xx,grpc-status:14,slow:2000,header:X-Save,signal:SIGUSR2';
  expect(parseSaveOn(text)).toEqual({
    on: [
      { error: true },
      { aborted: true },
      { status: 503 },
      { status: '4xx' },
      { grpcStatus: 14 },
      { slowerThanMs: 2000 },
      { header: 'X-Save' },
    ],
    signals: ['SIGTERM', 'SIGUSR2'],
  });
});

test.each([
  '',
  'errors',
  'status:',
  'status:9xx',
  'slow:fast',
  'slow:1:2',
  'header:',
  'signal:USR2',
  'error,',
])('refused: %j', (text) => {
  expect(() => parseSaveOn(text)).toThrow('saveOn must be error, aborted, status:CODE');
});
