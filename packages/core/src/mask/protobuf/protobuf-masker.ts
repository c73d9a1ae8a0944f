import type { Side } from '../../model/event.ts';
import { statusType } from '../../protobuf/known-types.ts';
import { SchemaRegistry } from '../../protobuf/schema-registry.ts';
import { MalformedWire } from '../../protobuf/wire.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { MaskLimits } from '../policy/policy.ts';
import { MaskedValues } from '../rules/masked-values.ts';
import type { RuleSet } from '../rules/rules.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import type { Replacer } from '../value/replace.ts';
import { MessagePlans } from './message-plan.ts';
import { MessageWalker } from './message-walker.ts';
import { ValueMasker } from './value-masker.ts';

/** Masks protobuf messages by the schemas that it was told. */
export class ProtobufMasker {
  readonly #registry = new SchemaRegistry();
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #values: MaskedValues;
  readonly #plans = new WeakMap<RuleSet, MessagePlans>();
  // Of the rules that were in force last.
  #last: MessagePlans | undefined;
  // Not before there is a message: most maskers never meet one.
  #walker: MessageWalker | undefined;

  constructor(scope: Scope, text: TextMasker, replacer: Replacer, limits: Required<MaskLimits>) {
    this.#scope = scope;
    this.#text = text;
    const begun = replacer.alsoForget(() => this.#values.forget());
    this.#values = new MaskedValues(limits.cachedTokens, begun);
  }

  /** Takes a schema; what is none tells nothing, and messages of unknown types are dropped. */
  describe(schema: Uint8Array): void {
    this.#registry.add(schema);
  }

  /**
   * A message of a call: what stands for it, undefined when it stays as it is; a text says why nothing can.
   *
   * @param path - of the request: `/shop.Orders/Get`
   * @param rule - the user's for whole bodies
   */
  message(bytes: Buffer, path: string, side: Side, rule: MaskRule | undefined): Buffer | string | undefined {
    if (rule?.action === 'keep' && !rule.detectors) return undefined;
    if (rule?.action === 'remove') return 'removed';
    const type = this.#registry.method(path)?.[side];
    if (type === undefined) return 'schema-unknown';
    return this.#mask(bytes, type, rule?.action === 'keep' ? undefined : rule);
  }

  /** A `google.rpc.Status`, as `message` gives one. */
  status(bytes: Buffer): Buffer | string | undefined {
    return this.#mask(bytes, statusType, undefined);
  }

  #mask(bytes: Buffer, type: string, rule: MaskRule | undefined): Buffer | string | undefined {
    const plans = this.#plansOf(this.#scope.rules);
    const plan = plans.of(type);
    if (plan === undefined) return 'schema-unknown';
    if (rule?.action === 'redact') {
      if (bytes.length === 0) return undefined;
      this.#scope.count(rule.id);
      return Buffer.alloc(0);
    }
    this.#walker ??= new MessageWalker(
      this.#scope,
      new ValueMasker(this.#scope, this.#text, this.#values),
      plans,
    );
    const { edits } = this.#walker;
    const counts = this.#scope.audit.counts();
    try {
      this.#walker.walk(bytes, plan, plans, rule);
    } catch (error) {
      if (!(error instanceof MalformedWire)) throw error;
      this.#scope.audit.takeBack(counts);
      return error.problem;
    }
    return edits.count === 0 ? undefined : edits.apply(bytes);
  }

  #plansOf(rules: RuleSet): MessagePlans {
    if (this.#last?.rules === rules) return this.#last;
    let plans = this.#plans.get(rules);
    if (plans === undefined) {
      plans = new MessagePlans(this.#registry, rules);
      this.#plans.set(rules, plans);
    }
    this.#last = plans;
    return plans;
  }
}
