import { createReadStream } from 'node:fs';
import { type CaptureEvent, createMasker, type Policy, readCapture } from '@gardenhose/core';
import { byExchange, textOf } from './evidence.ts';
import { haystack, holds } from './needles.ts';
import { callSchema } from './positions/calls.ts';
import { cases, type Numbered } from './positions.ts';
import { Service, type ServiceOptions } from './run-service.ts';

/** The service of the test has one rule of its own, for values that no default rule can know. */
export const policy: Policy = {
  version: 1,
  rules: [{ id: 'people', at: 'path:/people/:person', mask: 'token' }],
};

/** Serves cases one after the other. */
export async function serveAll(service: Service, these: readonly Numbered[] = cases): Promise<void> {
  for (const one of these) await service.carry(one);
}

/** A service that has served every case once and was closed; `stats` is what its recorder said of itself. */
export async function recordAll(
  options: ServiceOptions,
  these: readonly Numbered[] = cases,
): Promise<{ readonly service: Service; readonly stats: string }> {
  const service = await Service.start(options);
  await serveAll(service, these);
  await service.flush();
  return { service, stats: await service.close() };
}

export async function eventsOf(path: string): Promise<CaptureEvent[]> {
  const { events } = await readCapture(createReadStream(path), { mode: 'strict' });
  const all: CaptureEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What was recorded without a mask: the raw events of each case, and whether its canary is in them. */
export interface Control {
  readonly events: ReadonlyMap<Numbered, readonly CaptureEvent[]>;
  readonly found: ReadonlySet<Numbered>;
}

/** Takes apart what a service recorded under `extends: none`, with notes of the case on each exchange. */
export function control(events: readonly CaptureEvent[], these: readonly Numbered[] = cases): Control {
  const byNumber = new Map(these.map((one) => [one.canary.number, one]));
  const all = new Map<Numbered, CaptureEvent[]>();
  for (const [, group] of byExchange(events)) {
    const note = group.find((event) => event.type === 'mark' && event.name === 'leak-case');
    const one = note?.type === 'mark' ? byNumber.get(Number(note.value)) : undefined;
    if (one === undefined) continue;
    all.set(one, [...(all.get(one) ?? []), ...group.filter((event) => event !== note)]);
  }
  const found = [...all].filter(([one, group]) =>
    holds(haystack(textOf(group)), one.canary, one.find ?? 'word'),
  );
  return { events: all, found: new Set(found.map(([one]) => one)) };
}

/** What is left of the raw events of cases under a policy, as text. */
export function maskedTexts(
  events: Iterable<readonly [Numbered, readonly CaptureEvent[]]>,
  by: Policy,
): Map<Numbered, string> {
  const masker = createMasker({ ...by, limits: { ...by.limits, bodyBytes: 16_384 } });
  masker.mask({ type: 'schema', seq: 0, at: 0, format: 'protobuf', data: callSchema });
  const texts = new Map<Numbered, string>();
  for (const [one, raw] of events) texts.set(one, textOf(raw.flatMap((event) => masker.mask(event))));
  masker.close?.();
  return texts;
}
