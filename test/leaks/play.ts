import type { CaptureEvent, ExchangeTap, TapTarget } from '@gardenhose/core';

/** Shows a recorder the raw events of exchanges, as a tap would. */
export function playInto(target: TapTarget, events: readonly CaptureEvent[]): void {
  const taps = new Map<number, ExchangeTap>();
  for (const event of events) {
    if (event.type === 'start') {
      const { type: _, seq: __, at: ___, exchange, sampleRate: ____, ...start } = event;
      const begun = target.begin(start);
      if (begun !== undefined) taps.set(exchange, begun);
      continue;
    }
    if (!('exchange' in event) || event.exchange === undefined) continue;
    const tap = taps.get(event.exchange);
    switch (event.type) {
      case 'headers':
        tap?.headers(event.status, event.reason, event.version, event.headers);
        break;
      case 'chunk':
        if (event.data !== undefined) tap?.chunk(event.side, event.data);
        break;
      case 'message':
        if (event.data !== undefined) tap?.message(event.side, event.kind, event.data);
        break;
      case 'trailers':
        tap?.trailers(event.side, event.headers);
        break;
      case 'mark':
        tap?.mark(event.name, event.value);
        break;
      case 'end':
        tap?.end(event.side, event.complete);
        break;
      case 'abort':
        tap?.abort(event.by, event.code);
        break;
      default:
        break;
    }
  }
}
