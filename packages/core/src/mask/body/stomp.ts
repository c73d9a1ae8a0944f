const commandLine =
  /^(?:CONNECT|STOMP|CONNECTED|SEND|SUBSCRIBE|UNSUBSCRIBE|ACK|NACK|BEGIN|COMMIT|ABORT|DISCONNECT|MESSAGE|RECEIPT|ERROR)\r?\n/;

/** How the parts of a frame are masked. */
export interface StompMasks {
  header(name: string, value: string): string;
  text(text: string): string;
}

/**
 * Masks a frame of STOMP 1.2, which brings its credentials as headers within a message. What follows the frame is masked
 * as text. Undefined when the message is no such frame.
 */
export function maskStomp(message: string, masks: StompMasks): string | undefined {
  const command = commandLine.exec(message)?.[0];
  if (command === undefined) return undefined;
  let out = command;
  let at = command.length;
  while (at < message.length) {
    const newline = message.indexOf('\n', at);
    const end = newline < 0 ? message.length : newline + 1;
    const line = message.slice(at, end);
    at = end;
    const text = line.trimEnd();
    if (text === '') return out + line + maskedBody(message.slice(at), masks);
    out += maskedLine(text, masks) + line.slice(text.length);
  }
  return out;
}

function maskedLine(line: string, masks: StompMasks): string {
  const colon = line.indexOf(':');
  if (colon < 0) return masks.text(line);
  const name = line.slice(0, colon);
  const value = unescaped(line.slice(colon + 1));
  const masked = masks.header(unescaped(name), value);
  return masked === value ? line : `${name}:${escaped(masked)}`;
}

function maskedBody(text: string, masks: StompMasks): string {
  const end = text.indexOf('\0');
  if (end < 0) return masks.text(text);
  return `${masks.text(text.slice(0, end))}\0${masks.text(text.slice(end + 1))}`;
}

const escapes = new Map([
  ['\\c', ':'],
  ['\\n', '\n'],
  ['\\r', '\r'],
  ['\\\\', '\\'],
]);

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\[cnr\\]/g, (code) => escapes.get(code) ?? code) : text;
}

/** So that the value ends where it should. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll(':', '\\c');
}
