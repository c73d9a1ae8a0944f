import type { Exchange } from '../model/exchange.ts';
import { operationOf } from '../model/operation.ts';
import { strengthOf } from './value-strength.ts';

/** One end of a binding. */
export interface BindingEnd {
  /** `POST /orders/:id`, `shop.Orders/Get`, or `*` for any. */
  readonly operation: string;
  /**
   * Of an answer `body.$.items[*].id`, `message.$.id`, `header.NAME`, `set-cookie.NAME`, `html.NAME`, and `event.NAME.$.id` and `event.NAME.id`
   * of server-sent events; of a request `path[1]`, `query.NAME`, `form.NAME`, `cookie.NAME`, and `header.NAME`, `body.$.id` and `message.$.id` too. Of a link its parts:
   * `header.location#path[1]`. `*` stands for a name that may itself be a value.
   */
  readonly place: string;
}

/** What speaks for a binding in the capture that it was learned from. */
export interface BindingEvidence {
  /** Values that a request sent there, and of which this was the first answer that told them. */
  readonly matched: number;
  /** Of those, how many were different, counted up to 32. */
  readonly values: number;
  /** Values of which no earlier answer told any, sent there: whoever sent them had them from elsewhere. */
  readonly contradicted: number;
}

/** Values that the answers to one operation tell, and requests of another send. */
export interface Binding {
  readonly from: BindingEnd;
  readonly to: BindingEnd;
  /** Whether it is applied. Default true. */
  readonly enabled?: boolean | undefined;
  /** Whether it holds for values that say little, such as `7` and `true`. Default false. */
  readonly anyValue?: boolean | undefined;
  /** Absent of one that a person wrote. */
  readonly evidence?: BindingEvidence | undefined;
  /** From 0 to 1: the share of values that it explains, where one more of either kind is taken to be there. */
  readonly confidence?: number | undefined;
}

/** Bindings as they are saved: plain data, with no recorded value in it. */
export interface Bindings {
  readonly format: 'gardenhose-bindings/1';
  readonly bindings: readonly Binding[];
}

/** The operation of an exchange as bindings name it: no segment of it is a value. */
export function bindingOperation(exchange: Exchange): string {
  const operation = operationOf(exchange);
  if (exchange.protocol === 'grpc') return operation;
  return operation
    .split('/')
    .map((segment) => (strengthOf(segment) === 'none' ? segment : ':id'))
    .join('/');
}
