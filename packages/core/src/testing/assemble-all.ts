import type { AssembleOptions } from '../model/assemble.ts';
import { Assembler } from '../model/assemble.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';

/** All exchanges of these events at once. */
export function assembleAll(events: Iterable<CaptureEvent>, options?: AssembleOptions): Exchange[] {
  const assembler = new Assembler(options);
  const exchanges: Exchange[] = [];
  for (const event of events) exchanges.push(...assembler.push(event));
  exchanges.push(...assembler.finish());
  return exchanges;
}
