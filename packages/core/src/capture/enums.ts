import type { AbortEvent, AuditEntry, CaptureEvent, Direction, Protocol, Side } from '../model/event.ts';

// A value is stored as its place in its list. Lists only grow at their end.
export const sides: readonly Side[] = ['request', 'response'];
export const directions: readonly Direction[] = ['inbound', 'outbound'];
export const protocols: readonly Protocol[] = ['http', 'grpc', 'websocket'];
export const schemes: readonly ('http' | 'https')[] = ['http', 'https'];
export const abortBy: readonly AbortEvent['by'][] = ['client', 'server', 'recorder', 'unknown'];

// Stored as words.
export const auditParts: readonly AuditEntry['part'][] = [
  'target',
  'header',
  'trailer',
  'body',
  'message',
  'address',
  'status',
];

export const eventTypes: readonly CaptureEvent['type'][] = [
  'start',
  'headers',
  'chunk',
  'body',
  'message',
  'trailers',
  'end',
  'abort',
  'mark',
  'audit',
  'resume',
  'gap',
  'control',
  'clock',
  'schema',
];
