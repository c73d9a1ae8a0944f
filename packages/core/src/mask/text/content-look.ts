import type { Range } from '../detect/text-member.ts';

/** Prefixes against script inclusion that some servers put before JSON. */
const scriptGuards = [
  ")]}',\n",
  ")]}'\n",
  ")]}'",
  ')]}',
  'while(1);',
  'while (1);',
  'for(;;);',
  'for (;;);',
  '{}&&',
  '{} &&',
  '&&&START&&&',
  "throw 1; < don't be evil' >",
].map((text) => Buffer.from(text));
/** `callback({…})`, also as Express writes it. */
const scriptCall =
  /^\s{0,16}(?:\/\*\*\/)?\s{0,16}(?:typeof [\w$.[\]]{1,128} === 'function' && )?[A-Za-z_$][\w$.[\]]{0,127}\s{0,8}\(/;
const longestCall = 512;
/** What Socket.IO and SockJS put before JSON: `42["event",…]`, `42/room,17["event",…]`, `a["…"]`. */
const framePrefix = /^(?:\d{1,6}(?:-)?(?:\/[\w/.-]{0,64},)?\d{0,10}|[ac])(?=[[{])/;

/** Where the content begins, after a byte order mark and what guards JSON against scripts. */
export function startOfContent(bytes: Buffer, start: number, end: number): number {
  let at = start;
  if (end - at >= 3 && bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
  const first = bytes[at];
  // ) w f { & t
  const mayGuard =
    first === 0x29 || first === 0x77 || first === 0x66 || first === 0x7b || first === 0x26 || first === 0x74;
  if (!mayGuard) return at;
  const guard = scriptGuards.find(
    (each) => end - at >= each.length && each.compare(bytes, at, at + each.length) === 0,
  );
  return guard === undefined ? at : at + guard.length;
}

/** What stands within the brackets of a function call, where that is all there is. */
export function insideCall(bytes: Buffer, start: number, end: number): Range | undefined {
  const head = bytes.toString('latin1', start, Math.min(end, start + longestCall));
  const call = scriptCall.exec(head)?.[0];
  if (call === undefined) return undefined;
  let stop = beforeSpace(bytes, start, end);
  if (bytes[stop - 1] === 0x3b) stop = beforeSpace(bytes, start, stop - 1);
  if (bytes[stop - 1] !== 0x29) return undefined;
  const from = start + call.length;
  return from < stop - 1 ? { start: from, end: stop - 1 } : undefined;
}

/** Where the white space at the end begins. */
export function beforeSpace(bytes: Buffer, start: number, end: number): number {
  let stop = end;
  while (stop > start && (bytes[stop - 1] ?? 0) <= 0x20) stop--;
  return stop;
}

/** Where the JSON of a message begins that a protocol over WebSockets puts something before. */
export function afterFrame(bytes: Buffer, start: number, end: number): number {
  return (
    start + (framePrefix.exec(bytes.toString('latin1', start, Math.min(end, start + 100)))?.[0].length ?? 0)
  );
}

/** Elements of XML or HTML, whatever the type says: their names are not looked at, so their values are not shown. */
export function isMarkup(bytes: Buffer, start: number, end: number): boolean {
  return /^\s*<[A-Za-z!?/]/.test(bytes.toString('latin1', start, Math.min(end, start + 64)));
}

export function isMultipart(bytes: Buffer, start: number, end: number): boolean {
  return /^\s*--[^\r\n]{1,200}\r?\ncontent-/i.test(
    bytes.toString('latin1', start, Math.min(end, start + 300)),
  );
}

/** A pair, or pairs with `&` between, and nothing else, as in a form. */
export function isForm(bytes: Buffer, start: number, end: number): boolean {
  // What ends in equals signs alone is base64.
  if (!/^[\w.%+~[\]-]{1,100}=(?!=*\s*$)/.test(bytes.toString('latin1', start, Math.min(end, start + 128))))
    return false;
  // A line end may stand at the very end.
  const stop = beforeSpace(bytes, start, end);
  for (let i = start; i < stop; i++) if ((bytes[i] ?? 0) <= 0x20) return false;
  return true;
}

/** One word that JSON or a URL may stand in, in base64 or with percent codes. */
export function mayBeCoded(bytes: Buffer, start: number, end: number): boolean {
  const head = bytes.toString('latin1', start, Math.min(end, start + 32));
  if (
    !/^(?:e[wy3]|W[wyz123]|I[ACFH]|[CD][QSVX]|C[giln]|77|data:|%(?:7B|5B)|[a-z][a-z0-9+.-]{1,20}:\/\/|\/)/i.test(
      head,
    )
  )
    return false;
  const stop = beforeSpace(bytes, start, end);
  for (let i = start; i < stop; i++) if ((bytes[i] ?? 0) <= 0x20) return false;
  return true;
}

/** A quick look at how a GraphQL document can begin. */
export function mayBeDocument(bytes: Buffer, start: number, end: number): boolean {
  const head = bytes.toString('latin1', start, Math.min(end, start + 64));
  return /^[\s,]*(?:$|[{#"]|query|mutation|subscription|fragment)/.test(head);
}

/** The first byte that is no white space of JSON. */
export function firstByte(bytes: Buffer, start: number, end: number): number | undefined {
  for (let i = start; i < end; i++) {
    const code = bytes[i] ?? 0;
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
  }
  return undefined;
}
