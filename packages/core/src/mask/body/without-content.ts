import type { ExchangeEvent } from '../../model/event.ts';

/** An event that could not be masked, without what it held; undefined when nothing is left of it. */
export function withoutContent(event: ExchangeEvent): ExchangeEvent | undefined {
  switch (event.type) {
    case 'start':
    case 'resume': {
      const { operation: _, peer: __, authority: ___, ...shown } = event;
      return { ...shown, lane: 'unknown', target: '/', headers: [] };
    }
    case 'headers':
      return { ...event, reason: '', headers: [] };
    case 'trailers':
      return { ...event, headers: [] };
    case 'chunk': {
      const { data: _, ...shown } = event;
      return shown;
    }
    case 'message': {
      const { data: _, ...shown } = event;
      return { ...shown, state: 'dropped:error' };
    }
    case 'end':
      return { ...event, state: event.size === 0 ? event.state : 'dropped:error' };
    case 'abort':
      return { ...event, code: '' };
    default:
      return undefined;
  }
}
