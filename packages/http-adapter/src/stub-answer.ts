import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';
import { type Exchange, type HeaderList, headerEntries, headerValue } from '@gardenhose/core';
import type { StubAnswer, StubStep } from '@gardenhose/core/adapter';
import { endToEnd } from './hop-by-hop.ts';

/** Told where a request has no recording: no status that services use. */
const missStatus = 599;
const longestDetail = 2_000;

/** Why the answer of a recorded exchange cannot be written; undefined where it can. */
export function whyNotServed({ response, protocol }: Exchange): string | undefined {
  if (protocol !== 'http' || response === undefined) return undefined;
  if (response.status < 200 || response.status > 999) return 'its status cannot be sent';
  try {
    for (const [name, value] of [...headerEntries(response.headers), ...headerEntries(response.trailers)]) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
  } catch {
    return 'its headers cannot be sent';
  }
  return undefined;
}

/** Writes the answer to one request, as the recording has it. */
export class ResponseAnswer implements StubAnswer {
  readonly #res: ServerResponse;
  #ended = false;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  step(step: StubStep): void {
    const res = this.#res;
    if (this.#ended || res.destroyed) return;
    try {
      if (step.kind === 'head') {
        const { status, reason, headers } = step.head;
        res.sendDate = headerValue(headers, 'date') !== undefined;
        res.writeHead(
          status,
          reason,
          sentHeaders(headers, res.req.method === 'HEAD' ? undefined : step.bodyBytes),
        );
        res.flushHeaders();
      } else if (step.kind === 'chunk') {
        if (step.data.length > 0) res.write(step.data);
      } else if (step.kind === 'end') {
        this.#ended = true;
        if (step.trailers.length > 0)
          res.addTrailers([...headerEntries(step.trailers)].map(([...pair]) => pair));
        res.end();
      } else if (step.kind === 'break') {
        this.#ended = true;
        res.destroy();
      }
    } catch {
      // What could be checked of a recording was checked; Node has more rules than are told.
      this.#ended = true;
      res.destroy();
    }
  }

  miss(detail: string): void {
    if (this.#ended || this.#res.destroyed) return;
    this.#ended = true;
    const text = `${detail.slice(0, longestDetail)}\n`;
    const headers = {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Gardenhose-Stub': 'miss',
    };
    this.#res.writeHead(missStatus, 'No Recording', headers).end(text);
  }
}

/**
 * The headers of the recording that are sent: not those of its connection, and a length that counts the body that is, since
 * masking changes it. Node writes the date, and says by itself that a body comes in chunks.
 *
 * @param length - Of the body; undefined to tell that of the recording
 */
function sentHeaders(headers: HeaderList, length: number | undefined): string[] {
  const sent: string[] = [];
  const kept = endToEnd(headers);
  for (let i = 0; i + 1 < kept.length; i += 2) {
    const name = kept[i] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'date' || lower === 'transfer-encoding') continue;
    sent.push(
      name,
      lower === 'content-length' && length !== undefined ? String(length) : (kept[i + 1] ?? ''),
    );
  }
  return sent;
}
