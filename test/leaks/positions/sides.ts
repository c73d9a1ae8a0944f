import {
  answers,
  answersHeader,
  get,
  type Positions,
  post,
  sends,
  sendsBody,
  sendsHeader,
} from '../position.ts';
import { callTargets } from './calls.ts';

/** What leaves the process beside the recorded values themselves. */
export const sidePositions: Positions = {
  119: {
    title: 'messages and stacks of errors',
    elsewhere:
      'each part of the masker, and a hook, made to throw an error that quotes what it was given: `faults.test.ts`',
  },
  120: {
    title: 'log of what cannot be parsed',
    elsewhere:
      'standard output and error of the recording process, and `lastError`, over all cases of this table: `leaks.test.ts`',
  },
  121: {
    title: 'paths in the audit',
    cases: {
      'a name above a masked value': sends(
        ({ email }) => ({ users: { [email]: { password: 'x' } } }),
        'email',
      ),
      'a header that no rule knows': { find: 'card', request: ({ card }) => get('/', `${card}: 1`) },
    },
  },
  122: { title: 'names of files and the index', elsewhere: 'over all cases: `leaks.test.ts`' },
  123: {
    title: 'temporary files',
    elsewhere: 'the folders that the recording process may write to, watched over all cases: `leaks.test.ts`',
  },
  124: {
    title: 'the policy in the header',
    elsewhere: 'the key and what patterns of rules look for, in all spellings: `leaks.test.ts`',
  },
  125: { title: 'labels of metrics', elsewhere: '`recorder.stats()` over all cases: `leaks.test.ts`' },
  126: {
    title: 'ETag, Digest, Content-MD5',
    cases: {
      ETag: answersHeader('ETag', ({ word }) => `W/"${word}"`),
      'ETag without quotes': answersHeader('ETag'),
      'If-None-Match': sendsHeader('If-None-Match', ({ word }) => `"a", W/"${word}"`),
      'Content-MD5': sendsHeader('Content-MD5'),
      Digest: answersHeader('Digest', ({ word }) => `sha-256=${word}`),
      'X-Amz-Content-SHA256': sendsHeader('X-Amz-Content-Sha256'),
    },
  },
  127: {
    title: 'name of the server, client certificate',
    cases: {
      'name of the server': {
        serverName: ({ word }) => `${word}.shop.test`,
        request: () => get('/'),
        unseen: 'what TLS tells of the client is not asked for',
      },
      'client certificate in a header': sendsHeader(
        'X-Forwarded-Client-Cert',
        ({ word }) => `Subject="CN=${word}"`,
      ),
    },
  },
  128: {
    title: 'remote address',
    cases: {
      'of the connection': { find: 'ip', from: ({ ip }) => ip, request: () => get('/') },
      'of a connection of calls': callTargets.address,
      'in a lane': { told: ({ word }) => ({ start: { lane: `session-${word}` } }) },
      'in a peer': { find: 'ip', told: ({ ip }) => ({ start: { peer: `${ip}:5000` } }) },
    },
  },
  129: { title: 'heap snapshot, diagnostic report', elsewhere: '`memory.test.ts`, see below' },
  130: {
    title: 'exports and differences of a replay',
    elsewhere:
      'what the commands print and write, as text and as JSON, with live answers that hold canaries: `leaks.test.ts`',
  },
};

/** Not among the 130: notes of the application, tables and markup. */
export const otherPositions: Positions = {
  131: {
    title: 'notes of the application',
    cases: {
      'by name': { mark: ({ word }) => ['session token', word] },
      'by look': { find: 'email', mark: ({ email }) => ['note', `for ${email}`] },
      'its name': { find: 'email', mark: ({ email }) => [`of ${email}`, '1'] },
    },
  },
  132: {
    title: 'text, tables, markup, unknown bytes',
    cases: {
      'a text': { find: 'email', request: ({ email }) => post('text/plain', `mail ${email}`) },
      'a phone and other digits behind it': {
        find: 'phone',
        request: ({ phone }) => post('text/plain', `call ${phone} 512 30 or ${phone} 5b`),
      },
      'a text in UTF-16': {
        find: 'email',
        request: ({ email }) => post('text/plain', Buffer.from(`mail ${email}`, 'utf16le')),
      },
      'a text of pairs': answers('text/plain', ({ word }) => `access_token=${word}&x=1`),
      'a text of one pair': sendsBody('text/plain', ({ word }) => `firstName=${word}`),
      'a table': sendsBody('text/csv', ({ word }) => `id,password\r\n1,${word}\r\n`),
      'a table without a header': sendsBody('text/csv; header=absent', ({ email }) => `1,${email}\r\n`),
      XML: sendsBody('application/xml', ({ word }) => `<password>${word}</password>`),
      'XML said to be text': sendsBody('text/plain', ({ word }) => `<password>${word}</password>`),
      HTML: answers('text/html', ({ word }) => `<input name=password value=${word}>`),
      'unknown bytes': sendsBody('application/octet-stream', ({ word }) => word),
      'no type': sendsBody('', ({ word }) => word),
    },
  },
};
