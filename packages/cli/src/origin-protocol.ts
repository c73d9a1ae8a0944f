import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '@gardenhose/core';

/** An origin that has said nothing for so long after it was spoken to in HTTP/2 does not speak it. */
const patienceMs = 2000;

/**
 * Finds out whether an origin speaks HTTP/2, so that clients which could speak both with it through a proxy agree on what it speaks.
 * Asks when it is first needed, and again while the origin could not be reached.
 *
 * @param to - As `https://stock:50051`
 * @param ca - Whom to trust there, as PEM
 */
export function originProtocol(to: string, ca: string | undefined): () => Promise<boolean> {
  let asked: Promise<boolean | undefined> | undefined;
  return async () => {
    asked ??= ask(new URL(to), ca);
    const speaks = await asked;
    if (speaks === undefined) asked = undefined;
    // As long as nobody knows, clients get what they like best.
    return speaks ?? true;
  };
}

function ask(url: URL, ca: string | undefined): Promise<boolean | undefined> {
  return url.protocol === 'https:' ? askByTls(url, ca) : askByPreface(url);
}

/** What it agrees on (ALPN); undefined where it cannot be reached, or is not trusted. */
function askByTls(url: URL, ca: string | undefined): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const options = { host, port: Number(url.port || 443), ca, ALPNProtocols: ['h2', 'http/1.1'] };
    const socket = connectTls(options, () => done(socket.alpnProtocol === 'h2'));
    const undo = systemClock.after(patienceMs, () => done(undefined));
    const done = (speaks: boolean | undefined): void => {
      undo();
      socket.destroy();
      resolve(speaks);
    };
    socket.on('error', () => done(undefined));
  });
}

/** Whether it answers the preface of HTTP/2 with its settings; undefined where it cannot be reached. */
function askByPreface(url: URL): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const session = connectHttp2(url);
    let connected = false;
    const done = (speaks: boolean | undefined): void => {
      undo();
      session.destroy();
      resolve(speaks);
    };
    const undo = systemClock.after(patienceMs, () => done(connected ? false : undefined));
    session.once('connect', () => {
      connected = true;
    });
    session.once('remoteSettings', () => done(true));
    session.on('error', () => done(connected ? false : undefined));
    session.once('close', () => done(connected ? false : undefined));
  });
}
