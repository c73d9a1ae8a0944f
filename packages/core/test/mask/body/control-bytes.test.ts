import { expect, test } from 'vitest';
import { hasControls } from '../../../src/mask/body/control-bytes.ts';

test('finds every control character that no text has, wherever it stands', () => {
  const room = Buffer.alloc(32, 'a\té\n');
  for (let offset = 0; offset < 5; offset++) {
    for (let length = 0; length < 12; length++) {
      const bytes = room.subarray(offset, offset + length);
      expect(hasControls(bytes)).toBe(false);
      for (let at = 0; at < length; at++) {
        const before = bytes[at] ?? 0;
        for (let code = 0; code < 256; code++) {
          bytes[at] = code;
          const isWanted = code < 0x20 && ![8, 9, 10, 11, 12, 13, 0x1b].includes(code);
          if (hasControls(bytes) !== isWanted) expect.fail(`${code} at ${at} of ${length}`);
        }
        bytes[at] = before;
      }
    }
  }
});
