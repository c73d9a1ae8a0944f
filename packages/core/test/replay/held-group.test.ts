import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GroupMember, HeldGroup } from '../../src/replay/held-group.ts';
import { finishedAt, orderRule } from '../../src/replay/order.ts';
import { anExchange } from '../../src/testing/factories.ts';

interface Member extends GroupMember {
  readonly number: number;
}

test.each(['causal', 'lane', 'none'] as const)(
  'with order %s a member goes when all those before it are over that its order names, and not before',
  (name) => {
    const rule = orderRule(name);
    const recorded = fc.array(fc.record({ gap: fc.nat(4), took: fc.nat(8) }), { maxLength: 30 });
    fc.assert(
      fc.property(recorded, fc.array(fc.nat(), { maxLength: 100 }), (shapes, ends) => {
        let startAt = 0;
        const members = shapes.map(({ gap, took }, number): Member => {
          startAt += gap;
          const over = finishedAt(anExchange({ startAt, endAt: startAt + took, response: null }));
          return { number, startAt, key: rule.holdsFrom(over), place: -1 };
        });
        const group = new HeldGroup<Member>();
        const out: Member[] = [];
        const gone = new Set<number>();
        const over = new Set<number>();
        const letGo = (member: Member) => {
          out.push(member);
          gone.add(member.number);
        };
        const entered: Member[] = [];
        const check = () => {
          for (const one of entered) {
            const free = entered.every(
              ({ number, key }) => number >= one.number || over.has(number) || !(key <= one.startAt),
            );
            expect(gone.has(one.number)).toBe(free);
          }
        };
        for (const [place, member] of members.entries()) {
          entered.push(member);
          if (group.enter(member)) letGo(member);
          check();
          const end = ends[place];
          if (end === undefined || out.length === 0) continue;
          for (const done of out.splice(end % out.length, 1)) {
            over.add(done.number);
            group.leave(done);
          }
          for (let next = group.next(); next !== undefined; next = group.next()) letGo(next);
          check();
        }
        while (out.length > 0) {
          for (const done of out.splice(0, 1)) group.leave(done);
          for (let next = group.next(); next !== undefined; next = group.next()) letGo(next);
        }
        expect(gone.size).toBe(members.length);
        expect(group.idle).toBe(true);
      }),
    );
  },
);
