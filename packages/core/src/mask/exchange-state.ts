import type { ExchangeStart, Side } from '../model/event.ts';
import { headerValue } from '../model/headers.ts';
import type { BodyMasker } from './body/body-unit.ts';
import { type ContentType, contentType } from './body/content-type.ts';
import type { MessageContext } from './body/message-masker.ts';
import { SideBody } from './body/side-body.ts';
import type { RuleContext } from './rules/rule-context.ts';
import type { PolicyRules, RuleSet } from './rules/rules.ts';
import { AuditLog } from './rules/scope.ts';

const noType = contentType([]);

/** What masking knows of an exchange that is under way. */
export class ExchangeState implements MessageContext {
  readonly protocol: ExchangeStart['protocol'];
  /** Of the request. */
  readonly target: string;
  readonly audit: AuditLog = new AuditLog();
  /** Some of its events may be missing. */
  hasGap = false;
  readonly #rules: PolicyRules;
  /** Made only for a policy whose rules have conditions. */
  readonly #context: Omit<RuleContext, 'part' | 'contentType'> | undefined;
  readonly #types: Record<Side, ContentType>;
  readonly #sets: Record<Side, RuleSet>;
  readonly #bodies: Record<Side, SideBody | undefined> = { request: undefined, response: undefined };
  readonly #ended: Record<Side, boolean> = { request: false, response: false };

  constructor(rules: PolicyRules, start: ExchangeStart) {
    this.#rules = rules;
    this.protocol = start.protocol;
    this.target = start.target;
    this.#context = rules.conditional ? contextOf(start) : undefined;
    this.#types = { request: contentType(start.headers), response: noType };
    this.#sets = {
      request: this.#select('request', this.#types.request),
      response: this.#select('response', noType),
    };
  }

  /** The head of the final response: says what its body is. */
  responseType(type: ContentType): void {
    this.#types.response = type;
    this.#sets.response = this.#select('response', type);
  }

  mediaType(side: Side): string {
    return this.#types[side].mediaType;
  }

  rules(side: Side): RuleSet {
    return this.#sets[side];
  }

  body(side: Side): SideBody | undefined {
    return this.#bodies[side];
  }

  openBody(side: Side, masker: BodyMasker, bytesLimit: number): SideBody {
    let body = this.#bodies[side];
    if (body === undefined) {
      body = new SideBody(masker, this.#types[side], bytesLimit);
      if (this.hasGap) body.gap();
      this.#bodies[side] = body;
    }
    return body;
  }

  /** Events may be missing here. */
  gap(): void {
    this.hasGap = true;
    if (!this.#ended.request) this.#bodies.request?.gap();
    if (!this.#ended.response) this.#bodies.response?.gap();
  }

  get held(): number {
    return (this.#bodies.request?.held ?? 0) + (this.#bodies.response?.held ?? 0);
  }

  dropBodies(problem: string): void {
    this.#bodies.request?.drop(problem);
    this.#bodies.response?.drop(problem);
  }

  hasEnded(side: Side): boolean {
    return this.#ended[side];
  }

  /** Returns whether both sides have ended now. */
  end(side: Side): boolean {
    this.#ended[side] = true;
    return this.#ended.request && this.#ended.response;
  }

  #select(part: Side, type: ContentType): RuleSet {
    if (this.#context === undefined) return this.#rules.all;
    return this.#rules.select({ ...this.#context, part, contentType: type.mediaType });
  }
}

function contextOf(start: ExchangeStart): Omit<RuleContext, 'part' | 'contentType'> {
  return {
    direction: start.direction,
    protocol: start.protocol,
    method: start.method,
    host: (start.authority ?? headerValue(start.headers, 'host') ?? '').replace(/:\d{1,5}$/, ''),
    path: pathOf(start.target),
  };
}

/** The path of a request target, without origin, query and fragment; percent codes decoded where no slash comes of it. */
function pathOf(target: string): string {
  const path = target.replace(/^[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^/?#]*/, '').split(/[?#]/, 1)[0] ?? '';
  if (!path.includes('%')) return path === '' ? '/' : path;
  return path
    .split('/')
    .map((segment) => {
      try {
        const text = decodeURIComponent(segment);
        return text.includes('/') ? segment : text;
      } catch {
        return segment;
      }
    })
    .join('/');
}
