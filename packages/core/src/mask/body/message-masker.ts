import { isUtf8 } from 'node:buffer';
import type { ExchangeStart, MessageEvent, Side } from '../../model/event.ts';
import type { ResolvedPolicy } from '../policy/resolve-policy.ts';
import type { ProtobufMasker } from '../protobuf/protobuf-masker.ts';
import type { Scope } from '../rules/scope.ts';
import { afterFrame } from '../text/content-look.ts';
import type { TextMasker } from '../text/text-masker.ts';
import type { BodyMasker } from './body-unit.ts';
import { maskStomp } from './stomp.ts';

/** What an exchange says of its messages. */
export interface MessageContext {
  readonly protocol: ExchangeStart['protocol'];
  /** Of the request. */
  readonly target: string;
  /** Without parameters, in lower case; empty where none was told. */
  mediaType(side: Side): string;
}

const text = 1;
const binary = 2;
const close = 8;

/** Masks messages, each of which is a unit: text as JSON or text, close reasons and pings as text. */
export class MessageMasker {
  readonly #policy: ResolvedPolicy;
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #bodies: BodyMasker;
  readonly #protobuf: ProtobufMasker;

  constructor(
    policy: ResolvedPolicy,
    scope: Scope,
    text: TextMasker,
    bodies: BodyMasker,
    protobuf: ProtobufMasker,
  ) {
    this.#policy = policy;
    this.#scope = scope;
    this.#text = text;
    this.#bodies = bodies;
    this.#protobuf = protobuf;
  }

  mask(event: MessageEvent, of: MessageContext): MessageEvent {
    const { data, ...shown } = event;
    if (data === undefined) return shown;
    const problem = this.#problem(event, data, of.protocol);
    if (problem !== '') {
      this.#scope.count(`dropped:${problem}`);
      return { ...shown, state: `dropped:${problem}` };
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    const masked =
      of.protocol === 'grpc' ? this.#ofCall(bytes, event.side, of) : this.#ofSocket(bytes, event.kind);
    if (typeof masked === 'string') {
      this.#scope.count(`dropped:${masked}`);
      return { ...shown, state: `dropped:${masked}` };
    }
    return masked === undefined ? { ...shown, data } : { ...shown, data: masked, state: 'masked' };
  }

  #problem(event: MessageEvent, data: Uint8Array, protocol: ExchangeStart['protocol']): string {
    if (event.state.startsWith('dropped')) return event.state.slice('dropped:'.length);
    if (event.state === 'truncated') return 'truncated';
    if (data.length > this.#policy.limits.bodyBytes) return 'size';
    return protocol === 'http' ? 'unknown' : '';
  }

  /** Messages are protobuf, where their type does not say JSON. */
  #ofCall(bytes: Buffer, side: Side, of: MessageContext): Buffer | string | undefined {
    if (bytes.length === 0) return undefined;
    if (of.mediaType(side).endsWith('json')) return this.#content(bytes, 0, text);
    return this.#protobuf.message(bytes, of.target, side, this.#scope.rules.body);
  }

  #ofSocket(bytes: Buffer, kind: number): Buffer | string | undefined {
    // The first two bytes of a close message are its code.
    return this.#content(bytes, kind === close ? Math.min(2, bytes.length) : 0, kind);
  }

  /** What stands for the message, undefined when it stays as it is; a text says why nothing can. */
  #content(bytes: Buffer, start: number, kind: number): Buffer | string | undefined {
    const rule = kind === close ? undefined : this.#scope.rules.body;
    if (rule !== undefined && (rule.action !== 'keep' || !rule.detectors)) {
      return changed(bytes, this.#bodies.under(rule, bytes));
    }
    if (kind === binary) {
      const digest = this.#bodies.digest(bytes, 0, bytes.length);
      return digest === undefined ? 'binary' : Buffer.from(digest, 'latin1');
    }
    if (!isUtf8(bytes.subarray(start))) return 'utf8';
    if (kind === text && bytes[0] !== undefined && bytes[0] >= 0x41 && bytes[0] <= 0x55) {
      const masked = this.#stomp(bytes.toString('utf8'));
      if (masked !== undefined) return changed(bytes, Buffer.from(masked));
    }
    const from = kind === close ? start : afterFrame(bytes, start, bytes.length);
    const masked = this.#text.maskBytes(bytes, from, bytes.length, -1);
    if (masked === undefined) return undefined;
    return Buffer.concat([bytes.subarray(0, from), Buffer.from(masked)]);
  }

  #stomp(message: string): string | undefined {
    return maskStomp(message, {
      header: (name, value) => {
        const rule = this.#scope.rules.jsonName(name);
        return rule === undefined ? this.#text.mask(value, 0) : this.#text.maskUnder(rule, value, 0);
      },
      text: (body) => this.#text.mask(body, -1),
    });
  }
}

function changed(bytes: Buffer, masked: Buffer | string): Buffer | string | undefined {
  return typeof masked !== 'string' && masked.equals(bytes) ? undefined : masked;
}
