import type { AuditEntry, Side } from '../../model/event.ts';
import type { Exchange } from '../../model/exchange.ts';
import { SchemaRegistry } from '../../protobuf/schema-registry.ts';
import { Edits } from '../json/edits.ts';
import { maskExchange } from '../mask-exchange.ts';
import type { Policy } from '../policy/policy.ts';
import { resolvePolicy } from '../policy/resolve-policy.ts';
import { PolicyMasker } from '../policy-masker.ts';
import { anyExchange } from '../rules/rule-context.ts';
import { PolicyRules } from '../rules/rules.ts';
import { type MaskTrace, Scope } from '../rules/scope.ts';
import { TextMasker } from '../text/text-masker.ts';
import { Replacer } from '../value/replace.ts';
import { Tokens } from '../value/tokens.ts';

/** One time that a rule acted. Of a body or message that was dropped, both texts are empty. */
export interface MaskAct {
  readonly rule: string;
  readonly part: AuditEntry['part'];
  readonly side: Side;
  readonly before: string;
  /** Empty when the value was taken out. */
  readonly after: string;
}

/** What masking makes of an exchange, and which rules did it. */
export interface TracedExchange {
  readonly masked: Exchange;
  readonly acts: readonly MaskAct[];
}

/** What an exchange can make a tracer remember; rules go on acting beyond it. */
const mostActs = 100_000;

/**
 * Masks whole exchanges by a policy and tells which rule acted on what: for tools that explain or search, in memory. What
 * it tells are values as they were, so nothing that records may use it.
 */
export class ExchangeTracer {
  /** What it was told of messages. */
  readonly schemas: SchemaRegistry = new SchemaRegistry();
  readonly #masker: PolicyMasker;
  readonly #scope: Scope;
  readonly #text: TextMasker;
  #acts: MaskAct[] = [];

  /** @throws GardenhoseError `mask-policy`, also for a policy that extends `none`, which masks nothing; `mask-key` */
  constructor(policy: Policy) {
    const resolved = resolvePolicy(policy);
    const { name, digest } = resolved;
    const tokens = new Tokens(resolved.keys[0], resolved.limits.cachedTokens);
    const summary = { mode: 'masked', name, digest, keyId: tokens.keyId, disabled: [] } as const;
    const rules = new PolicyRules(resolved);
    const trace: MaskTrace = (rule, part, side, before, after) => {
      if (this.#acts.length < mostActs) this.#acts.push({ rule, part, side, before, after });
    };
    this.#masker = new PolicyMasker(resolved, rules, tokens, summary, trace);
    this.#scope = new Scope(rules.select(anyExchange));
    this.#scope.trace = trace;
    this.#text = new TextMasker(this.#scope, new Replacer(tokens), resolved.limits);
  }

  /** Takes a serialised `google.protobuf.FileDescriptorSet`: messages of calls are read by it from then on. */
  describe(data: Uint8Array): void {
    this.schemas.add(data);
    this.#masker.mask({ type: 'schema', seq: 0, at: 0, format: 'protobuf', data });
  }

  trace(exchange: Exchange): TracedExchange {
    this.#acts = [];
    const masked = maskExchange(this.#masker, exchange);
    return { masked, acts: this.#acts };
  }

  /** What detectors find in bytes of any kind. */
  detect(bytes: Uint8Array, part: MaskAct['part'], side: Side): readonly MaskAct[] {
    this.#acts = [];
    this.#scope.part = part;
    this.#scope.side = side;
    this.#text.editText(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      0,
      bytes.length,
      new Edits(),
    );
    return this.#acts;
  }
}
