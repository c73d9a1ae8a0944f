import type { JsonValue } from '../model/json-value.ts';
import { MessageRewriter, ViewMisfit } from './message-rewriter.ts';
import { bufferOf, defaultMaxValues, type ViewOptions, type ViewProblem } from './message-view.ts';
import { MessageViewer } from './message-viewer.ts';
import type { SchemaRegistry } from './schema-registry.ts';
import { MalformedWire } from './wire.ts';

/** A changed view that its message cannot be given: where, and what was expected there. */
export interface ViewMisfitProblem {
  readonly problem: 'view-misfit';
  /** JSON Pointer (RFC 6901) into the changed view. */
  readonly pointer: string;
  /** Full name of its field, or of the message around it. */
  readonly field: string;
  readonly expected: string;
}

/** A message with what its changed view says. */
export interface RewrittenMessage {
  readonly bytes: Uint8Array;
}

// A message is viewed anew at each level on the way to what changed.
const viewsOnTheWay = 4;

/**
 * Gives a message what a changed view of it says. Fields that say the same as before keep their bytes and their place, and so
 * does all that the view does not tell: unknown fields, and how numbers and lengths are written. Of a changed field what it has
 * within is treated the same way; what is new comes last, and of several values for one field one is left.
 *
 * @param after - the changed {@link viewMessage}; null and what is left out say that a field is not set
 * @param options - those that the message was viewed with
 * @returns the same bytes where nothing changed; nothing half changed, ever
 * @example
 * const view = viewMessage(registry, 'shop.Order', bytes);
 * if ('value' in view) rewriteMessage(registry, 'shop.Order', bytes, { ...view.value, quantity: 2 });
 */
export function rewriteMessage(
  registry: SchemaRegistry,
  typeName: string,
  bytes: Uint8Array,
  after: JsonValue,
  options: ViewOptions = {},
): RewrittenMessage | ViewProblem | ViewMisfitProblem {
  const { defaults = false, maxValues = defaultMaxValues } = options;
  const viewer = new MessageViewer(registry, defaults, viewsOnTheWay * maxValues);
  const layout = viewer.layout(typeName);
  if (layout === undefined) return { problem: 'schema-unknown' };
  const before = bufferOf(bytes);
  try {
    const rewritten = new MessageRewriter(viewer).message(layout, before, after, 0);
    return { bytes: rewritten === before ? bytes : rewritten };
  } catch (error) {
    if (error instanceof MalformedWire) return { problem: error.problem };
    if (!(error instanceof ViewMisfit)) throw error;
    return { problem: 'view-misfit', pointer: error.pointer, field: error.field, expected: error.expected };
  }
}
