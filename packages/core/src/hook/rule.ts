import type { Operation } from 'fast-json-patch';
import type { Direction, Protocol, Side } from '../model/event.ts';

/** Which exchanges a rule is for. All that is given must hold; of a list, one. Texts are compared exactly. */
export interface Where {
  readonly direction?: Direction;
  readonly protocol?: Protocol;
  /** In any case. */
  readonly method?: string | readonly string[];
  /** The path of the target without its query; `*` stands for any run without `/`, `**` for any run. */
  readonly path?: string | readonly string[];
  /** Route template or gRPC method; with `*` and `**` as in `path`. Exchanges without one do not match. */
  readonly operation?: string | readonly string[];
  /** A request header. With neither `equals` nor `matches`, it must only be there. `matches` takes `*` and `**`. */
  readonly header?: { readonly name: string; readonly equals?: string; readonly matches?: string };
  /** Status of the recorded answer: 404, or a class such as `5xx`. */
  readonly status?: number | string | readonly (number | string)[];
  /** A mark of this name; where `value` is given, of this value. */
  readonly mark?: { readonly name: string; readonly value?: string };
}

interface Ruled {
  /** Every exchange when absent. */
  readonly where?: Where | undefined;
}

/** Sets a header once, in the place of the first of its name, or at the end. */
export interface SetHeaderRule extends Ruled {
  readonly do: 'set-header';
  readonly name: string;
  readonly value: string;
  /** Default `request`. */
  readonly side?: Side | undefined;
}

export interface RemoveHeaderRule extends Ruled {
  readonly do: 'remove-header';
  readonly name: string;
  /** Default `request`. */
  readonly side?: Side | undefined;
}

/** Writes another host into the `host` header, the authority and an absolute target. Does not choose the target. */
export interface RewriteHostRule extends Ruled {
  readonly do: 'rewrite-host';
  /** `host` or `host:port`. */
  readonly to: string;
}

/**
 * Rewrites the path of the target and keeps its query. In `from`, `:name` stands for one segment and a last `*` for the
 * rest; `to` may use them. A path that does not match stays as it is.
 */
export interface RewritePathRule extends Ruled {
  readonly do: 'rewrite-path';
  readonly from: string;
  readonly to: string;
}

/**
 * Applies a JSON Patch (RFC 6902) to a JSON body, or to each message of a gRPC call as JSON: whole or not at all. A body that
 * is not JSON, a message whose schema is not known, and what the patch does not fit, stays as it is and the exchange gets the mark
 * `patch-missed` with the index of the rule.
 */
export interface PatchBodyRule extends Ruled {
  readonly do: 'patch-body';
  readonly patch: readonly Operation[];
  /** Default `request`. */
  readonly side?: Side | undefined;
  /** Of a gRPC call, only the message of this index, from 0 in each direction. Default all. */
  readonly message?: number | undefined;
}

export interface MarkRule extends Ruled {
  readonly do: 'mark';
  readonly name: string;
  readonly value: string;
}

/** Takes exchanges out. `where` is required. */
export interface DropRule {
  readonly do: 'drop';
  readonly where: Where;
}

/** Keeps a share of the exchanges, chosen by id: the same ones on every run. */
export interface SampleRule extends Ruled {
  readonly do: 'sample';
  /** From 0 (none) to 1 (all). */
  readonly ratio: number;
  /** `lane` keeps or drops whole lanes. Default `exchange`. */
  readonly by?: 'exchange' | 'lane' | undefined;
}

/** A hook as data: may be kept in a JSON file, sent to a worker, shown. Rules run in order; the first drop ends them. */
export type HookRule =
  | SetHeaderRule
  | RemoveHeaderRule
  | RewriteHostRule
  | RewritePathRule
  | PatchBodyRule
  | MarkRule
  | DropRule
  | SampleRule;
