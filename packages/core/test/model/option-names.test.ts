import { expect, test } from 'vitest';
import { onlyOptions } from '../../src/model/option-names.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { replay } from '../../src/run.ts';
import { failure } from '../capture/support.ts';

test('an option of an unknown name is refused, with the known ones and what was probably meant', () => {
  const known = { speed: true, order: true } as const;
  expect(() => onlyOptions('a replay', { speed: 1, order: undefined }, known)).not.toThrow();
  expect(() => onlyOptions('a replay', { sped: undefined }, known)).not.toThrow();
  expect(() => onlyOptions('a replay', { sped: 2 }, known)).toThrow(
    expect.objectContaining({
      code: 'invalid-option',
      place: { subject: 'sped' },
      message: 'a replay has no option "sped"; known are speed, order: did you mean "speed"?',
    }),
  );
  for (const name of ['toString', 'constructor', 'xyzzy']) {
    expect(() => onlyOptions('a replay', { [name]: 1 }, known)).toThrow(/known are speed, order$/);
  }
});

test('a recorder and a replay refuse misspelt options before they do anything', async () => {
  const recorder = { service: 'shop', sink: memorySink(), maxBodyByte: 5 };
  expect(() => createRecorder(recorder)).toThrow(/did you mean "maxBodyBytes"\?$/);
  const options = { pace: 'asap', comparee: true } as const;
  const used = (): never => {
    throw new Error('nothing must be sent');
  };
  const sender = { target: 'http://127.0.0.1:1', prepare: used, openLane: used, close: async () => {} };
  expect(await failure(() => replay([], sender, options))).toMatchObject({
    code: 'invalid-option',
    message: expect.stringMatching(/did you mean "compare"\?$/),
  });
});
