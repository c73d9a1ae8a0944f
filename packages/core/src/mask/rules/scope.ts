import type { AuditEntry, Side } from '../../model/event.ts';
import type { RuleSet } from './rules.ts';

/** How often a rule acted. */
export interface AuditCount {
  readonly rule: string;
  readonly count: number;
}

/** Counts what masking did to one exchange. */
export class AuditLog {
  readonly #counts: { rule: string; part: AuditEntry['part']; side: Side; count: number }[] = [];
  // Made when it is needed: there is a log per exchange.
  #unknownHeaders: Set<string> | undefined;

  add(rule: string, part: AuditEntry['part'], side: Side, count = 1): void {
    for (const entry of this.#counts) {
      if (entry.rule === rule && entry.part === part && entry.side === side) {
        entry.count += count;
        return;
      }
    }
    this.#counts.push({ rule, part, side, count });
  }

  /** The counts so far, for {@link takeBack}. */
  counts(): readonly number[] {
    return this.#counts.map(({ count }) => count);
  }

  /** Forgets what was counted since: it was part of something that another rule took as a whole. */
  takeBack(counts: readonly number[]): void {
    this.#counts.length = Math.min(this.#counts.length, counts.length);
    for (const [i, entry] of this.#counts.entries()) entry.count = counts[i] ?? 0;
  }

  /** A body is dropped once, also when a capture is masked again. */
  addDroppedBody(problem: string, side: Side): boolean {
    const rule = `dropped:${problem}`;
    if (this.#counts.some((entry) => entry.rule === rule && entry.part === 'body' && entry.side === side))
      return false;
    this.add(rule, 'body', side);
    return true;
  }

  merge({ rule, part, side, count }: AuditEntry): void {
    if (part === 'body' && rule.startsWith('dropped:'))
      this.addDroppedBody(rule.slice('dropped:'.length), side);
    else this.add(rule, part, side, count);
  }

  unknownHeader(name: string): void {
    this.#unknownHeaders ??= new Set();
    if (this.#unknownHeaders.size < mostUnknownHeaders) this.#unknownHeaders.add(name);
  }

  entries(): AuditEntry[] {
    return this.#counts.map((entry) => ({ ...entry }));
  }

  unknownHeaders(): string[] {
    return this.#unknownHeaders === undefined ? [] : [...this.#unknownHeaders];
  }
}

const mostUnknownHeaders = 64;

/**
 * Told of each time that a rule acts: what it was given and what it made of it, empty where it took it away. Of a body or
 * message that is dropped, both are empty.
 */
export type MaskTrace = (
  rule: string,
  part: AuditEntry['part'],
  side: Side,
  before: string,
  after: string,
) => void;

/** What is being masked at the moment: set before each part, read by all that mask. */
export class Scope {
  /** For tools that explain or search. It is told values as they were: nothing that records may set it. */
  trace: MaskTrace | undefined;
  rules: RuleSet;
  audit: AuditLog = new AuditLog();
  part: AuditEntry['part'] = 'header';
  /** What is being masked was masked before, and a hook changed it: headers of unknown names are meant. */
  again = false;
  side: Side = 'request';

  constructor(rules: RuleSet) {
    this.rules = rules;
  }

  set(rules: RuleSet, audit: AuditLog, part: AuditEntry['part'], side: Side): void {
    this.rules = rules;
    this.audit = audit;
    this.part = part;
    this.side = side;
  }

  /** The body at hand was dropped. */
  countDroppedBody(problem: string): void {
    if (this.audit.addDroppedBody(problem, this.side))
      this.trace?.(`dropped:${problem}`, 'body', this.side, '', '');
  }

  /** A rule acted: on what, and what came of it, for {@link Scope.trace}. */
  count(rule: string, before = '', after = ''): void {
    this.audit.add(rule, this.part, this.side);
    this.trace?.(rule, this.part, this.side, before, after);
  }
}
