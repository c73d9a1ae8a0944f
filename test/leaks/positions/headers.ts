import {
  answersHeader,
  asks,
  base64,
  chunked,
  get,
  type Positions,
  password,
  percent,
  sendsHeader,
} from '../position.ts';
import { callTargets } from './calls.ts';

const mail = ({ email }: { readonly email: string }): string => email;

/** Header fields, trailers and the status line. */
export const headerPositions: Positions = {
  19: {
    title: 'Basic credentials',
    cases: { request: sendsHeader('Authorization', ({ word }) => `Basic ${base64(`${word}:x`)}`) },
  },
  20: {
    title: 'Bearer credentials',
    cases: {
      Authorization: sendsHeader('Authorization', ({ word }) => `Bearer ${word}`),
      'an unknown scheme': sendsHeader('Authorization', ({ word }) => `${word} x`),
      'two schemes': sendsHeader('Authorization', ({ word }) => `Basic x, Bearer ${word}`),
      'Proxy-Authorization': sendsHeader('Proxy-Authorization'),
      'in a header that is kept': sendsHeader('User-Agent', ({ word }) => `x Bearer ${word}`),
    },
  },
  21: {
    title: 'Digest and signature credentials',
    cases: {
      Digest: sendsHeader('Authorization', ({ word }) => `Digest username="${word}", response="${word}"`),
      AWS: sendsHeader(
        'Authorization',
        ({ word }) => `AWS4-HMAC-SHA256 Credential=${word}/x, Signature=${word}`,
      ),
      'AWS in a query': asks(({ word }) => `/?X-Amz-Credential=${word}%2F2026&X-Amz-Signature=${word}`),
    },
  },
  22: { title: 'header name in mixed case', cases: { request: sendsHeader('aUTHORIZATION') } },
  23: {
    title: 'repeated header',
    cases: {
      'X-Api-Key twice': { request: ({ word }) => get('/', 'X-Api-Key: a', `X-Api-Key: ${word}`) },
      'Host twice': {
        find: 'email',
        lenient: true,
        request: ({ email }) => get('/', `Host: ${email}`),
      },
    },
  },
  24: {
    title: 'folded line',
    cases: {
      'X-Api-Key': { lenient: true, request: ({ word }) => get('/', `X-Api-Key: a\r\n ${word}`) },
      'space around a value': { request: ({ word }) => get('/', `X-Api-Key: \t ${word} \t`) },
    },
  },
  25: {
    title: 'header of one’s own',
    cases: {
      'no known name': sendsHeader('X-Whatever'),
      'words of a secret in its name': sendsHeader('X-Shop-Access-Token'),
      'begins as a kept one': sendsHeader('Accept-Secret'),
      'begins as one of access control': sendsHeader('Access-Control-Token'),
      'to a target of all': { request: ({ word }) => get('*', `X-Token: ${word}`).replace('GET', 'OPTIONS') },
      'a key in a header of one word': sendsHeader('X-Api-Key', ({ apiKey }) => apiKey, 'apiKey'),
      'a header of the form number': sendsHeader('Max-Forwards'),
      'Last-Event-ID': sendsHeader('Last-Event-ID'),
      Prefer: sendsHeader('Prefer', ({ word }) => `x="${word}"`),
      'in a response': answersHeader('X-Debug'),
    },
  },
  26: {
    title: 'header name',
    cases: {
      'a card': { find: 'card', request: ({ card }) => get('/', `X-${card}: 1`) },
      'in a response': { find: 'card', answer: ({ card }) => ({ headers: [[`X-${card}`, '1']] }) },
      'in Trailer': { find: 'card', request: ({ card }) => get('/', `Trailer: X-${card}`) },
    },
  },
  27: {
    title: 'cookie value',
    cases: {
      'by no name': sendsHeader('Cookie', ({ word }) => `theme=${word}`),
      encoded: sendsHeader('Cookie', ({ word }) => `a=${percent(word)}`),
      'in the second header': { request: ({ word }) => get('/', 'Cookie: a=1', `Cookie: b=${word}`) },
    },
  },
  28: {
    title: 'cookie without a name, quoted, malformed',
    cases: {
      'without a name': sendsHeader('Cookie'),
      'an empty name': sendsHeader('Cookie', ({ word }) => `=${word}`),
      'in quotes': sendsHeader('Cookie', ({ word }) => `a="x;${word}"`),
      malformed: sendsHeader('Cookie', ({ word }) => `a=1; ${word}; b=2`),
      'a comma': sendsHeader('Cookie', ({ word }) => `a=1, sid=${word}`),
      'its name': sendsHeader('Cookie', ({ email }) => `${percent(email)}=1`, 'email'),
    },
  },
  29: {
    title: 'Set-Cookie',
    cases: {
      'value and an unknown attribute': answersHeader(
        'Set-Cookie',
        ({ word }) => `a=${word}; Path=/; X=${word}`,
      ),
      malformed: answersHeader('Set-Cookie'),
      Path: answersHeader('Set-Cookie', ({ email }) => `a=1; Path=/${email}`, 'email'),
      Domain: answersHeader('Set-Cookie', ({ email }) => `a=1; Domain=${email}`, 'email'),
      Expires: answersHeader('Set-Cookie', ({ word }) => `a=1; Expires=${word}!`),
    },
  },
  30: {
    title: 'Referer, Location, Link, Refresh',
    cases: {
      Referer: sendsHeader('Referer', ({ word }) => `https://x.test/?token=${word}`),
      Origin: sendsHeader('Origin', ({ word }) => `https://${word}@x.test`),
      Location: answersHeader('Location', ({ word }) => `/cb?code=${word}#id_token=${word}`),
      'Location, user information': answersHeader('Location', ({ word }) => `//u:${word}@x.test/`),
      'Location, relative': answersHeader('Location', ({ word }) => `cb?code=${word}`),
      Link: answersHeader('Link', ({ word }) => `</?token=${word}>; rel="next"`),
      'Link, a parameter': answersHeader('Link', ({ email }) => `</>; rel="next"; title="${email}"`, 'email'),
      Refresh: answersHeader('Refresh', ({ word }) => `5; url=/?token=${word}`),
    },
  },
  31: {
    title: 'Forwarded and X-Forwarded-For',
    cases: {
      Forwarded: sendsHeader('Forwarded', ({ word }) => `for="${word}";by=${word}`),
      'Forwarded, an address': sendsHeader('Forwarded', ({ ip }) => `for="${ip}:99";host=shop.test`, 'ip'),
      'X-Forwarded-For': sendsHeader('X-Forwarded-For'),
      'X-Forwarded-For, addresses': sendsHeader('X-Forwarded-For', ({ ip }) => `10.9.8.7, ${ip}`, 'ip'),
      'X-Real-IP': sendsHeader('X-Real-IP', ({ ip }) => ip, 'ip'),
      Via: sendsHeader('Via', ({ ip }) => `1.1 ${ip}`, 'ip'),
      'Via, an address of mail': sendsHeader('Via', ({ email }) => `1.1 ${email}`, 'email'),
    },
  },
  32: {
    title: 'User-Agent and From',
    cases: {
      'User-Agent': sendsHeader('User-Agent', ({ email }) => `bot/1 (${email})`, 'email'),
      'User-Agent, a word, under the policy strict': {
        ...sendsHeader('User-Agent'),
        strict: 'default/strict/header',
      },
      From: sendsHeader('From', ({ email }) => `Zoe <${email}>`, 'email'),
      'From, no address': sendsHeader('From'),
    },
  },
  33: {
    title: 'Sec-WebSocket-Protocol',
    cases: {
      'a subprotocol': sendsHeader('Sec-WebSocket-Protocol', ({ word }) => `v1, Bearer_${word}`),
      'the key of a handshake': sendsHeader('Sec-WebSocket-Key'),
    },
  },
  34: {
    title: 'trailers',
    cases: {
      request: { request: ({ word }) => chunked('text/plain', ['abc'], [`X-Sum: ${word}`]) },
      'request, by name': {
        request: ({ word }) => chunked('text/plain', ['abc'], [`Authorization: Bearer ${word}`]),
      },
      response: {
        answer: ({ word }) => ({
          headers: [
            ['Trailer', 'X-Sum'],
            ['Content-Type', 'text/plain'],
          ],
          pieces: ['a'],
          trailers: { 'X-Sum': word },
        }),
      },
    },
  },
  35: {
    title: 'informational responses',
    cases: {
      '103': {
        answer: ({ word }) => ({ early: { link: `</a?token=${word}>; rel=preload`, 'x-why': word } }),
      },
    },
  },
  36: {
    title: 'pseudo-headers of HTTP/2',
    note: 'also where a tap tells them as headers, which those of the adapters do not; newer Nodes refuse an authority with a name of a user in it',
    cases: {
      ':path': { http2: ({ word }) => ({ headers: { ':path': `/?token=${word}` } }) },
      ':path, told': {
        told: ({ word }) => ({
          start: { version: '2', target: `/?token=${word}`, headers: [':path', `/?token=${word}`] },
        }),
      },
      ':authority, told': {
        find: 'email',
        told: ({ email }) => ({ start: { version: '2', authority: email, headers: [':authority', email] } }),
      },
      'a cookie of its own': {
        http2: ({ word }) => ({ headers: { cookie: ['a=1', `sid=${word}`] } }),
      },
      'a header': { http2: ({ word }) => ({ headers: { authorization: `Bearer ${word}` } }) },
      'a body': {
        http2: (canary) => ({ headers: { 'content-type': 'application/json' }, body: password(canary) }),
      },
      'a trailer': { http2: ({ word }) => ({ trailers: { 'x-strange': word } }) },
      'the answer to it': {
        http2: () => ({}),
        answer: ({ word }) => ({
          headers: [['set-cookie', `sid=${word}`]],
          pieces: [`{"password":"${word}"}`],
          trailers: { 'x-strange': word },
        }),
      },
      'path of a call': callTargets.path,
      'parameter in the path of a call': callTargets.parameter,
      'authority of a call': callTargets.authority,
    },
  },
  37: {
    title: 'bytes over 127 in a value',
    cases: {
      'UTF-8': {
        find: 'email',
        request: ({ email }) => Buffer.from(get('/', `User-Agent: caf\u00e9 ${email}`), 'utf8'),
      },
      'Latin-1': {
        find: 'email',
        request: ({ email }) => Buffer.from(get('/', `User-Agent: caf\u00e9 ${email}`), 'latin1'),
      },
    },
  },
  38: {
    title: 'file names in Content-Disposition',
    cases: {
      filename: sendsHeader('Content-Disposition', ({ word }) => `form-data; filename="${word}.pdf"`),
      'filename*': answersHeader(
        'Content-Disposition',
        ({ word }) => `attachment; filename*=UTF-8''${word}.pdf`,
      ),
    },
  },
  39: {
    title: 'challenges',
    cases: {
      'WWW-Authenticate': answersHeader(
        'WWW-Authenticate',
        ({ word }) => `Digest realm="x", nonce="${word}"`,
      ),
      'Authentication-Info': answersHeader('Authentication-Info', ({ word }) => `nextnonce="${word}"`),
    },
  },
  40: {
    title: 'headers for debugging',
    cases: {
      'Server-Timing': answersHeader('Server-Timing', ({ email }) => `db;desc="${email}"`, 'email'),
      'Server-Timing, a word': answersHeader('Server-Timing', ({ word }) => `${word};dur=1`),
      'X-Debug-Token': answersHeader('X-Debug-Token'),
    },
  },
  41: {
    title: 'baggage and tracestate',
    cases: {
      baggage: sendsHeader('baggage', ({ word }) => `user=${word};p=${word}`),
      tracestate: sendsHeader('tracestate', ({ email }) => `x=${email}`, 'email'),
    },
  },
  42: {
    title: 'reason phrase',
    cases: {
      'by look': { find: 'email', answer: (canary) => ({ reason: `Hello ${mail(canary)}` }) },
      'by name': { answer: ({ word }) => ({ reason: `password=${word}` }) },
    },
  },
};
