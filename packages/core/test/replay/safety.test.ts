import { expect, test } from 'vitest';
import { createGuard } from '../../src/replay/guard.ts';
import { resolveMarks } from '../../src/replay/mark-options.ts';
import { safetyOf } from '../../src/replay/safety.ts';

test('a run tells its marks by kind, what it allows and the limits that were set', () => {
  const guard = createGuard('http://127.0.0.1:3000', { maxRequests: 500 });
  const { marks } = resolveMarks({ signKey: 'k'.repeat(40) });
  const safety = safetyOf(guard, marks);
  expect(safety).toMatchObject({ mutations: true, credentials: false, maxRequests: 500 });
  expect(safety.marks).toContain('headers');
  expect(safety.marks).toContain('signature');
  expect(safety).not.toHaveProperty('maxBytes');
  expect(JSON.stringify(safety)).not.toContain('kkkk');
  expect(JSON.parse(JSON.stringify(safety))).toEqual(safety);
});

test('a run without marks says so', () => {
  expect(safetyOf(createGuard('http://127.0.0.1:3000'), undefined).marks).toEqual([]);
});
