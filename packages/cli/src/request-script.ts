import {
  bodyBytes,
  type Exchange,
  headerEntries,
  type SchemaRegistry,
  withoutCredentials,
} from '@gardenhose/core';
import { callStatus } from './exchange-row.ts';
import { fieldsReader } from './message-fields.ts';
import { printable } from './printable.ts';

/** Where a script sends to. */
export interface ScriptTarget {
  readonly http: string | undefined;
  readonly grpc: string | undefined;
  /** The file with the schemas of the calls, as the script names it. */
  readonly schemaFile: string | undefined;
}

/**
 * A shell script that sends these exchanges one after the other, with curl and grpcurl. Whatever a capture holds, it is quoted: no
 * part of it is read as a command, an option or the name of a file. Credentials are left out, as at a replay.
 */
export function requestScript(
  exchanges: readonly Exchange[],
  target: ScriptTarget,
  registry: SchemaRegistry,
): string {
  const blocks = exchanges.map((exchange, place) => {
    const { id, request, protocol } = exchange;
    const what = printable(`${request.method} ${request.target}`, 120);
    const title = `# ${place + 1}. exchange ${id}: ${what}, recorded: ${printable(recorded(exchange), 60)}`;
    const bare = withoutCredentials(exchange);
    const lines = protocol === 'grpc' ? grpcurl(bare, target, registry) : curl(bare, target);
    return [title, ...lines].join('\n');
  });
  const intro = [
    '#!/bin/sh',
    '# Written by "gardenhose bisect": the requests that show the failure, in order, one after the other. Values are as the',
    '# capture has them: masked ones are tokens, credentials are left out, and what the service makes anew (ids, sessions)',
    '# is not put in. "gardenhose replay" of the capture beside this does that, and sends them at their times.',
  ].join('\n');
  return `${[intro, ...blocks].join('\n\n')}\n`;
}

function recorded(exchange: Exchange): string {
  return callStatus(exchange) ?? String(exchange.response?.status ?? 'no answer');
}

/** Headers that curl makes by itself; the body that is sent decides them. */
const madeByCurl: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
]);
/** Headers that curl adds where they are not given. */
const addedByCurl = ['accept', 'user-agent', 'content-type'] as const;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const plainText = /^[\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd]*$/u;
/** A longer body is better taken from the capture: shells bound their words. */
const maxBodyBytes = 64 * 1024;

function curl(exchange: Exchange, { http }: ScriptTarget): string[] {
  const { request } = exchange;
  if (http === undefined) return ['# not sent: there is no target for HTTP'];
  if (exchange.protocol === 'websocket') {
    return ['# not sent: curl does not speak WebSocket; replay the capture'];
  }
  if (!request.target.startsWith('/') || !token.test(request.method)) {
    return ['# not sent: this is no request that curl can send'];
  }
  const body = bodyBytes(request);
  if (body.length > maxBodyBytes)
    return [`# not sent: its body has ${body.length} bytes; replay the capture`];
  const words = ['curl -sS -i --globoff --path-as-is'];
  words.push(request.method === 'HEAD' ? '--head' : `-X ${quote(request.method)}`);
  const given = new Set<string>();
  for (const [name, value] of headerEntries(request.headers)) {
    const lower = name.toLowerCase();
    if (madeByCurl.has(lower) || !token.test(name) || /[\r\n\0]/.test(value)) continue;
    given.add(lower);
    words.push(`-H ${quote(value === '' ? `${name};` : `${name}: ${value}`)}`);
  }
  for (const name of addedByCurl) {
    if (!given.has(name) && (name !== 'content-type' || body.length > 0))
      words.push(`-H ${quote(`${name}:`)}`);
  }
  const text = new TextDecoder('utf-8').decode(body);
  const plain = plainText.test(text) && Buffer.from(text).equals(body);
  if (body.length > 0) words.push(plain ? `--data-raw ${quote(text)}` : '--data-binary @-');
  words.push(quote(http + request.target));
  const command = words.join(' \\\n  ');
  return [
    body.length === 0 || plain
      ? command
      : `printf %s ${quote(Buffer.from(body).toString('base64'))} | base64 -d | ${command}`,
  ];
}

function grpcurl(exchange: Exchange, { grpc, schemaFile }: ScriptTarget, registry: SchemaRegistry): string[] {
  const { request } = exchange;
  const method = request.target.replace(/^\//, '');
  if (grpc === undefined) return ['# not sent: there is no target for gRPC'];
  if (schemaFile === undefined || registry.method(request.target) === undefined) {
    return ['# not sent: no schema in the capture has this method; give one with --descriptors or --proto'];
  }
  if (!/^[\w.]+\/\w+$/.test(method)) return ['# not sent: this is no name of a method'];
  const read = fieldsReader(exchange, registry);
  const messages: string[] = [];
  for (const message of request.messages) {
    const view = read('request', message)?.view;
    if (view === undefined) return ['# not sent: a message cannot be shown as fields; replay the capture'];
    messages.push(JSON.stringify(view.value));
  }
  const { protocol, host } = new URL(grpc);
  const words = [`grpcurl ${protocol === 'https:' ? '' : '-plaintext '}-protoset ${quote(schemaFile)}`];
  for (const [name, value] of headerEntries(request.headers)) {
    if (ofTheCall.test(name) || !token.test(name) || !/^[\u0020-\u007e]*$/.test(value)) continue;
    words.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  words.push(`-d ${quote(messages.join('\n'))}`, quote(host), quote(method));
  return [words.join(' \\\n  ')];
}

/** What grpcurl says by itself. */
const ofTheCall = /^(:.*|te|content-type|user-agent|grpc-(encoding|accept-encoding|timeout)|host)$/i;

/** As one word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
