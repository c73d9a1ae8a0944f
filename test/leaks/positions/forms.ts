import { base64, chunked, form, type Positions, password, percent, post, sendsBody } from '../position.ts';

const type = 'multipart/form-data; boundary=cut';
const multipart = (part: string): string => `--cut\r\n${part}\r\n--cut--\r\n`;
const field = (name: string, value: string, ...headers: string[]): string =>
  multipart([`Content-Disposition: form-data; name="${name}"`, ...headers, '', value].join('\r\n'));
const quotedPrintable = (text: string): string =>
  [...text].map((c) => `=${c.charCodeAt(0).toString(16).toUpperCase()}`).join('');

/** Forms and multipart bodies. */
export const formPositions: Positions = {
  63: {
    title: 'form value',
    cases: {
      'by name': sendsBody(form, ({ word }) => `a=1&password=${word}`),
      'by look': { find: 'email', request: ({ email }) => post(form, `a=${percent(email)}`) },
      encoded: sendsBody(form, ({ word }) => `password=${percent(word)}`),
      'an invalid percent code': sendsBody(form, ({ word }) => `a=%ZZ${word}`),
      'said to be text': sendsBody('text/plain', ({ word }) => `a=1&password=${word}`),
      'without a type': sendsBody('', ({ word }) => `a=1&password=${word}`),
      'in pieces': { request: ({ word }) => chunked(form, ['a=1&pass', 'word=', ...word]) },
      'URL in it': sendsBody(form, ({ word }) => `next=${percent(`https://x.test/?token=${word}`)}`),
    },
  },
  64: {
    title: 'form name',
    cases: {
      'by look': { find: 'email', request: ({ email }) => post(form, `${percent(email)}=1`) },
      'encoded, of a secret': sendsBody(form, ({ word }) => `${percent('password')}=${word}`),
      'as JSON would write it': sendsBody(form, ({ word }) => `user.pass-word=1&user[password][]=${word}`),
    },
  },
  65: {
    title: 'JSON in a form',
    cases: {
      'by name': sendsBody(form, (canary) => `a=${percent(password(canary))}`),
      'a web token in it': {
        find: 'jwt',
        request: ({ jwt }) => post(form, `a=${percent(JSON.stringify({ b: jwt }))}`),
      },
    },
  },
  66: {
    title: 'charset, plus as space',
    cases: {
      plus: { find: 'email', request: ({ email }) => post(form, `q=to+${email}+now`) },
      Latin: sendsBody(`${form}; charset=iso-8859-1`, ({ word }) => `n=%E9&password=${word}`),
      'UTF-16': sendsBody(`${form}; charset=utf-16le`, ({ word }) =>
        Buffer.from(`password=${word}`, 'utf16le'),
      ),
    },
  },
  67: {
    title: 'part value',
    cases: {
      'by name': sendsBody(type, ({ word }) => field('password', word)),
      'by look': { find: 'email', request: ({ email }) => post(type, field('note', `for ${email}`)) },
      JSON: sendsBody(type, (canary) => field('meta', password(canary), 'Content-Type: application/json')),
      'said to be text': sendsBody('text/plain', ({ word }) => field('password', word)),
      'lines that end in LF alone': sendsBody(type, ({ word }) =>
        field('password', word).replaceAll('\r\n', '\n'),
      ),
      'without an end': sendsBody(type, ({ word }) => field('password', word).replace('--cut--\r\n', '')),
    },
  },
  68: {
    title: 'file name of a part',
    cases: {
      filename: sendsBody(type, ({ word }) =>
        multipart(`Content-Disposition: form-data; name="f"; filename="${word}.pdf"\r\n\r\nx`),
      ),
      'filename*': sendsBody(type, ({ word }) =>
        multipart(`Content-Disposition: form-data; name="f"; filename*=UTF-8''${word}\r\n\r\nx`),
      ),
      'name of the field': {
        find: 'email',
        request: ({ email }) => post(type, field(email, 'x')),
      },
    },
  },
  69: {
    title: 'headers of a part',
    cases: {
      'no known name': sendsBody(type, ({ word }) => field('a', 'x', `X-Token: ${word}`)),
      'Content-Type of a part': {
        find: 'email',
        request: ({ email }) => post(type, field('a', 'x', `Content-Type: text/plain; x=${email}`)),
      },
    },
  },
  70: {
    title: 'before the first part, behind the last',
    cases: {
      preamble: sendsBody(type, ({ word }) => `${word}\r\n${multipart('\r\na')}`),
      epilogue: sendsBody(type, ({ word }) => `${multipart('\r\na')}${word}`),
    },
  },
  71: {
    title: 'boundary',
    cases: {
      'of parts': {
        request: ({ word }) =>
          post(`multipart/form-data; boundary=${word}`, field('a', 'x').replaceAll('--cut', `--${word}`)),
      },
      'of a body that is dropped': sendsBodyWith((word) => `multipart/form-data; boundary=${word}`),
    },
  },
  72: {
    title: 'parts within parts',
    cases: {
      'by name': sendsBody(type, ({ word }) =>
        multipart(
          `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n${word}\r\n--b--`,
        ),
      ),
      'the inner boundary': sendsBody(type, ({ word }) =>
        multipart(`Content-Type: multipart/mixed; boundary=${word}\r\n\r\n--${word}\r\n\r\nx\r\n--${word}--`),
      ),
    },
  },
  73: {
    title: 'transfer encodings of parts',
    cases: {
      base64: sendsBody(type, (canary) =>
        field(
          'meta',
          base64(password(canary)),
          'Content-Transfer-Encoding: base64',
          'Content-Type: application/json',
        ),
      ),
      'quoted-printable': sendsBody(type, ({ word }) =>
        field('password', quotedPrintable(word), 'Content-Transfer-Encoding: quoted-printable'),
      ),
      'one that nobody knows': sendsBody(type, ({ word }) =>
        field('a', word, 'Content-Transfer-Encoding: x-own'),
      ),
    },
  },
  74: {
    title: 'bytes of a file',
    cases: {
      'of no known type': sendsBody(type, ({ word }) =>
        multipart(`Content-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n${word}`),
      ),
      'a table': sendsBody(type, ({ word }) =>
        multipart(
          `Content-Disposition: form-data; name="f"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\nid,password\r\n1,${word}`,
        ),
      ),
      'an image': sendsBody('image/png', ({ word }) => Buffer.from(`\x89PNG\r\n\x1a\n${word}`, 'latin1')),
    },
  },
};

/** A body that cannot be told apart, under a type made of the word. */
function sendsBodyWith(typeOf: (word: string) => string) {
  return { request: ({ word }: { readonly word: string }) => post(typeOf(word), 'no parts') };
}
