import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** Which of Node's undocumented properties may be relied on. */
export interface Internals {
  /** `res._header` and `res._trailer` hold the text of the head and the trailers as they go out. */
  readonly headText: boolean;
}

let found: Internals | undefined;

/** Looks once, on a response that goes nowhere, whether this Node has what the tap would like to use. */
export function internals(): Internals {
  found ??= { headText: hasHeadText() };
  return found;
}

function hasHeadText(): boolean {
  const req = new IncomingMessage(new Socket());
  req.method = 'GET';
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  const res: ServerResponse & { _header?: unknown; _trailer?: unknown } = new ServerResponse(req);
  res.sendDate = false;
  res.writeHead(299, 'Some Text', { 'X-Own-Case': 'a' });
  res.addTrailers({ 'X-Sum': '1' });
  const head = res._header;
  return (
    typeof head === 'string' &&
    head.startsWith('HTTP/1.1 299 Some Text\r\n') &&
    head.includes('\r\nX-Own-Case: a\r\n') &&
    head.endsWith('\r\n\r\n') &&
    res._trailer === 'X-Sum: 1\r\n'
  );
}
