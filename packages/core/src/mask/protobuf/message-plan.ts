import type { MessageType } from '../../protobuf/descriptor.ts';
import type { FieldKind, FieldType, ProtobufType } from '../../protobuf/field-type.ts';
import { anyType } from '../../protobuf/known-types.ts';
import type { SchemaRegistry } from '../../protobuf/schema-registry.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import { roleName, roleValue } from '../rules/name-table.ts';
import type { RuleSet } from '../rules/rules.ts';

/** What is done with a field of a message. */
export interface FieldPlan {
  readonly type: ProtobufType;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** By its name, its options and the rules that point at it. */
  readonly rule: MaskRule | undefined;
  /** Full name of the message that it holds. */
  readonly typeName: string;
  /** `name` and `value` fields of one message belong together, as members of JSON do. */
  readonly role: 0 | typeof roleName | typeof roleValue;
  /** What the field that this one stands in falls under is not for it: keys of maps are names. */
  readonly isKey: boolean;
  /** Where something can be masked, or left out, in a message of it. */
  readonly plan: MessagePlan | undefined;
  /** Readers make one message of all that are sent of it, and what one of them says tells how another is to be masked. */
  readonly joins: boolean;
}

const mapKey = 1;
const mapValue = 2;
/** Fields of numbers below this are found in an array. */
const dense = 256;

/** How the messages of a type are masked under one set of rules. Plans of what is within it are made when it is met. */
export class MessagePlan {
  readonly form: 'message' | 'entry' | 'any' | 'set';
  /** It has fields that name what others hold. */
  readonly pairs: boolean;
  readonly type: MessageType;
  readonly #low: (FieldPlan | undefined)[] = [];
  readonly #high = new Map<number, FieldPlan>();
  readonly #plans: MessagePlans;
  #idle: boolean | undefined;
  #joins: boolean | undefined;
  #mayBeSplit: boolean | undefined;

  constructor(type: MessageType, plans: MessagePlans) {
    this.type = type;
    this.#plans = plans;
    this.form = formOf(type);
    let names = false;
    let values = false;
    for (const field of type.fields) {
      const plan = new PlannedField(field, type, plans);
      if (plan.role === roleName) names ||= plan.kind === 'string' || plan.kind === 'bytes';
      else if (plan.role === roleValue) values = true;
      if (field.number < dense) this.#low[field.number] ??= plan;
      else if (!this.#high.has(field.number)) this.#high.set(field.number, plan);
    }
    this.pairs = this.form === 'message' && names && values && plans.rules.pairs;
  }

  field(number: number): FieldPlan | undefined {
    return number < dense ? this.#low[number] : this.#high.get(number);
  }

  /** Nothing in a message of this type is ever masked or left out, unless what it stands in says so. */
  get isIdle(): boolean {
    this.#idle ??= this.#plans.allowIdle && !this.#reaches(new Set());
    return this.#idle;
  }

  /** What one of its fields says tells how another is masked; or such a message is within it, once. */
  get joins(): boolean {
    this.#joins ??= this.#tells(new Set());
    return this.#joins;
  }

  /** It has fields whose messages {@link FieldPlan.joins}. */
  get mayBeSplit(): boolean {
    this.#mayBeSplit ??= [...this.#low, ...this.#high.values()].some((field) => field?.joins);
    return this.#mayBeSplit;
  }

  #tells(seen: Set<MessagePlan>): boolean {
    seen.add(this);
    if (this.pairs || this.form === 'any') return true;
    for (const field of [...this.#low, ...this.#high.values()]) {
      const plan = field === undefined || field.repeated ? undefined : field.plan;
      if (plan !== undefined && !seen.has(plan) && plan.#tells(seen)) return true;
    }
    return false;
  }

  /** Whether a field that something can be done with is within it. */
  #reaches(seen: Set<MessagePlan>): boolean {
    seen.add(this);
    if (this.form !== 'message' || this.pairs) return true;
    for (const field of [...this.#low, ...this.#high.values()]) {
      if (field === undefined) continue;
      if (field.rule !== undefined || field.kind === 'string' || field.kind === 'bytes') return true;
      if (field.kind !== 'message') continue;
      const { plan } = field;
      if (plan === undefined || (!seen.has(plan) && plan.#reaches(seen))) return true;
    }
    return false;
  }
}

class PlannedField implements FieldPlan {
  readonly type: ProtobufType;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  readonly rule: MaskRule | undefined;
  readonly typeName: string;
  readonly role: 0 | typeof roleName | typeof roleValue;
  readonly isKey: boolean;
  readonly #plans: MessagePlans;
  #plan: MessagePlan | undefined;

  constructor(field: FieldType, message: MessageType, plans: MessagePlans) {
    this.type = field.type;
    this.kind = field.kind;
    this.repeated = field.repeated;
    this.typeName = field.typeName;
    this.isKey = message.isMapEntry && field.number === mapKey;
    const { rules } = plans;
    const ofEntry = message.isMapEntry && (this.isKey || field.number === mapValue);
    this.rule = this.isKey ? undefined : plans.ruleOf(field, ofEntry);
    const role = ofEntry ? 0 : rules.jsonNames.role(field.name);
    this.role = role === roleName || role === roleValue ? role : 0;
    this.#plans = plans;
  }

  get plan(): MessagePlan | undefined {
    if (this.#plan === undefined && this.kind === 'message') this.#plan = this.#plans.of(this.typeName);
    return this.#plan;
  }

  get joins(): boolean {
    return !this.repeated && this.kind === 'message' && this.plan?.joins === true;
  }
}

function formOf(type: MessageType): MessagePlan['form'] {
  if (type.isMessageSet) return 'set';
  if (type.fullName === anyType) return 'any';
  return type.isMapEntry ? 'entry' : 'message';
}

/** The plans of all messages under one set of rules, made when they are asked for. */
export class MessagePlans {
  readonly rules: RuleSet;
  /** A message whose fields say nothing can be passed over: its unknown fields stay, and no detector looks. */
  readonly allowIdle: boolean;
  readonly #registry: SchemaRegistry;
  readonly #plans = new Map<string, MessagePlan | undefined>();
  #version: number;

  constructor(registry: SchemaRegistry, rules: RuleSet) {
    this.#registry = registry;
    this.rules = rules;
    this.allowIdle = !rules.enabled('default/proto/unknown-field') && rules.otherwise === undefined;
    this.#version = registry.version;
  }

  /** The plan for a message by its full name; undefined for one that no schema describes. */
  of(typeName: string): MessagePlan | undefined {
    if (this.#version !== this.#registry.version) {
      this.#plans.clear();
      this.#version = this.#registry.version;
    }
    if (this.#plans.has(typeName)) return this.#plans.get(typeName);
    const type = this.#registry.message(typeName);
    const plan = type === undefined ? undefined : new MessagePlan(type, this);
    // Names of types come from clients, in `Any`.
    if (plan !== undefined) this.#plans.set(typeName, plan);
    return plan;
  }

  /** @param ofEntry - of the entry of a map, whose fields have no names of their own */
  ruleOf(field: FieldType, ofEntry: boolean): MaskRule | undefined {
    return this.rules.protoField({
      name: ofEntry ? '' : field.name,
      fullName: field.fullName,
      typeName: field.kind === 'message' ? field.typeName : '',
      options: this.#registry.optionsOf(field),
      redacted: this.#registry.isRedacted(field),
    });
  }
}
