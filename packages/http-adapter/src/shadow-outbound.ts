import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { PropagateTo } from '@gardenhose/core';
import {
  currentMarks,
  hasMarks,
  marksToPassOn,
  onlyOptions,
  propagatesTo,
  shadowBaggage,
} from '@gardenhose/core/adapter';
import { hookClientRequests } from './client-request-hooks.ts';
import type { Detach } from './tap-server.ts';

/** What {@link propagateShadow} can be told. */
export interface PropagateShadowOptions {
  /** Default `private`. */
  readonly propagateTo?: PropagateTo | undefined;
}

/**
 * Passes the marks of the replayed request that is being served on to others: by `fetch` and undici, whichever copy, and by
 * `node:http` and `node:https`. Only to hosts that are meant, never by default to the public internet. {@link attachShadow} does so too.
 *
 * What has its headers as a list, or has sent them, is left as it is.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function propagateShadow(options: PropagateShadowOptions = {}): Detach {
  onlyOptions('shadow', options, { propagateTo: true });
  const wanted = propagatesTo(options.propagateTo);
  const onCreate = (message: unknown): void => markUndici(message, wanted);
  subscribe('undici:request:create', onCreate);
  const unhook = hookClientRequests({ before: (request) => markRequest(request, wanted) });
  return () => {
    unsubscribe('undici:request:create', onCreate);
    unhook();
  };
}

type Wanted = (host: string) => boolean;

interface UndiciRequest {
  readonly origin: unknown;
  readonly path?: unknown;
  readonly headers: unknown;
  addHeader(name: string, value: string): unknown;
}

function markUndici(message: unknown, wanted: Wanted): void {
  const marks = currentMarks();
  if (marks === undefined) return;
  const request =
    typeof message === 'object' && message !== null && 'request' in message ? message.request : undefined;
  if (!isUndiciRequest(request)) return;
  const host = hostOf(String(request.origin));
  const sent = listOf(request.headers);
  if (host === undefined || !wanted(host) || !wantedBehind(request.path, wanted) || hasMarks(sent)) return;
  const passed = marksToPassOn(marks);
  for (let i = 0; i + 1 < passed.length; i += 2) request.addHeader(passed[i] ?? '', passed[i + 1] ?? '');
  // Several headers of this name are one list (W3C Baggage, section 3.3).
  request.addHeader('baggage', shadowBaggage(marks.runId));
}

function isUndiciRequest(request: unknown): request is UndiciRequest {
  return (
    typeof request === 'object' &&
    request !== null &&
    'origin' in request &&
    'headers' in request &&
    'addHeader' in request &&
    typeof request.addHeader === 'function'
  );
}

/** undici keeps headers as a list, its older versions as the text that is sent. */
function listOf(headers: unknown): string[] {
  if (Array.isArray(headers)) return headers.map(String);
  if (typeof headers !== 'string') return [];
  return headers.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).hostname : undefined;
}

/** A request in absolute form asks a proxy, and goes to the host that it names (RFC 9112 section 3.2.2). */
function wantedBehind(path: unknown, wanted: Wanted): boolean {
  if (typeof path !== 'string' || !/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return true;
  const host = hostOf(path);
  return host !== undefined && wanted(host);
}

function markRequest(request: ClientRequest, wanted: Wanted): void {
  const marks = currentMarks();
  if (marks === undefined || request.headersSent || !wanted(request.host)) return;
  if (!wantedBehind(request.path, wanted)) return;
  if (request.hasHeader('x-shadow-traffic')) return;
  const passed = marksToPassOn(marks);
  for (let i = 0; i + 1 < passed.length; i += 2) request.setHeader(passed[i] ?? '', passed[i + 1] ?? '');
  const given = request.getHeader('baggage');
  const others = given === undefined ? [] : [given].flat().map(String);
  if (hasMarks(others.flatMap((value) => ['baggage', value]))) return;
  request.setHeader('baggage', [...others, shadowBaggage(marks.runId)].join(','));
}
