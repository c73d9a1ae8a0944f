import { invalidOption } from '../model/option-values.ts';
import type { FlightSinkOptions } from './flight-sink.ts';
import type { FlightTrigger } from './flight-triggers.ts';

const expected =
  'error, aborted, status:CODE, grpc-status:CODE, slow:MS, header:NAME or signal:NAME, with commas between several';

/**
 * What a flight recorder saves at, as it stands in a flag or a variable: `error,slow:2000,signal:SIGUSR2`. Signals come beside
 * SIGTERM.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function parseSaveOn(text: string): Required<Pick<FlightSinkOptions, 'on' | 'signals'>> {
  const on: FlightTrigger[] = [];
  const signals: NodeJS.Signals[] = ['SIGTERM'];
  for (const word of text.split(',')) {
    const trigger = triggerOf(word.trim());
    if (typeof trigger === 'string') signals.push(trigger);
    else on.push(trigger);
  }
  return { on, signals };
}

function triggerOf(word: string): FlightTrigger | NodeJS.Signals {
  const [kind, value = '', ...more] = word.split(':');
  if (more.length === 0) {
    if (word === 'error') return { error: true };
    if (word === 'aborted') return { aborted: true };
    if (kind === 'status' && /^(?:[1-5]xx|\d{3})$/.test(value)) {
      return { status: value.endsWith('xx') ? value : Number(value) };
    }
    if (kind === 'grpc-status' && /^\d{1,2}$/.test(value)) return { grpcStatus: Number(value) };
    if (kind === 'slow' && /^\d{1,9}$/.test(value)) return { slowerThanMs: Number(value) };
    if (kind === 'header' && value !== '') return { header: value };
    if (kind === 'signal' && isSignal(value)) return value;
  }
  throw invalidOption('saveOn', `must be ${expected}, got '${word.slice(0, 100)}'`);
}

function isSignal(name: string): name is NodeJS.Signals {
  return /^SIG[A-Z0-9]{2,10}$/.test(name);
}
