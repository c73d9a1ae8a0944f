import {
  type Exchange,
  type Message,
  type MessageView,
  type SchemaRegistry,
  type Side,
  tokenType,
  viewMessage,
} from '@gardenhose/core';
import { showBytes } from './output.ts';
import { printable, printableLines } from './printable.ts';

/** Values of one message that are shown; of a larger one, its bytes are. */
const maxValues = 20_000;
const maxLines = 400;
const maxCharacters = 64 * 1024;
const maxUnread = 50;
const redacted = '[REDACTED]';

/** A message of a call by its schema. */
export interface FieldsOfMessage {
  /** Full name of its type. */
  readonly type: string;
  /** Undefined when the bytes are not one of its type. */
  readonly view: MessageView | undefined;
  /** Why there is no view. */
  readonly problem: string | undefined;
}

/** Reads the messages of one call; undefined of what is no call, or of a method that no schema knows. */
export type ReadFields = (side: Side, message: Message) => FieldsOfMessage | undefined;

/** How the messages of this exchange are read. */
export function fieldsReader(exchange: Exchange, registry: SchemaRegistry): ReadFields {
  const method = exchange.protocol === 'grpc' ? registry.method(exchange.request.target) : undefined;
  return (side, { data, size, state }) => {
    // What was dropped, or cut, is no message.
    if (method === undefined || state.startsWith('dropped') || state === 'truncated') return undefined;
    if (data.length === 0 && size > 0 && state === 'kept') return undefined;
    const type = method[side];
    const view = viewMessage(registry, type, data, { maxValues });
    return 'problem' in view
      ? { type, view: undefined, problem: view.problem }
      : { type, view, problem: undefined };
  };
}

/** The fields as lines of JSON; behind each value that a mask left, of what kind it is. Bounded. */
export function fieldLines({ type, view, problem }: FieldsOfMessage): string[] {
  if (view === undefined) return [`[not to be read as ${printable(type, 200)}: ${problem}]`];
  const lines = JSON.stringify(view.value, undefined, 2).split('\n');
  const shown: string[] = [];
  let room = maxCharacters;
  for (const line of lines.slice(0, maxLines)) {
    if (room <= 0) break;
    const text = printableLines(line.slice(0, room));
    room -= line.length;
    shown.push(`${text}${maskNote(line)}`);
  }
  if (shown.length < lines.length) shown.push(`[${lines.length - shown.length} more lines]`);
  for (const { pointer, number, reason, data } of view.unread.slice(0, maxUnread)) {
    const where = pointer === '' ? '' : ` in ${printable(pointer, 200)}`;
    shown.push(`[field ${number}${where}: ${reasons[reason]}, ${showBytes(data.length)}]`);
  }
  if (view.unread.length > maxUnread) shown.push(`[${view.unread.length - maxUnread} more of the kind]`);
  return shown;
}

const reasons = {
  unknown: 'its schema does not know it',
  'wire-type': 'not of the type that its schema says',
  utf8: 'not all of it is UTF-8',
} as const;

/** The fields as part of a document: with the places of values that a mask left. */
export function fieldsDocument({ type, view, problem }: FieldsOfMessage): Record<string, unknown> {
  if (view === undefined) return { type, problem };
  const masked: { pointer: string; kind: string }[] = [];
  findMasked(view.value, '', masked);
  const unread = view.unread.map(({ pointer, number, wireType, reason, data }) => ({
    pointer,
    number,
    wireType,
    reason,
    base64: Buffer.from(data).toString('base64'),
  }));
  return { type, fields: view.value, masked, unread };
}

/** What a mask left is short, and needs no escapes. */
const maskedAtEnd = /(?<=^ *|: )"([^"\\]{1,100})",?$/;

function maskNote(line: string): string {
  const text = maskedAtEnd.exec(line)?.[1];
  const kind = text === undefined ? undefined : maskKind(text);
  return kind === undefined ? '' : `   (masked: ${kind})`;
}

/** Of what kind the value was that a mask put this in place of. */
function maskKind(text: string): string | undefined {
  return text === redacted ? 'redacted' : tokenType(text);
}

function findMasked(value: unknown, pointer: string, found: { pointer: string; kind: string }[]): void {
  if (typeof value === 'string') {
    const kind = maskKind(value);
    if (kind !== undefined) found.push({ pointer, kind });
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      findMasked(each, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, found);
    }
  }
}
