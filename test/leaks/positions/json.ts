import {
  answers,
  base64,
  chunked,
  eventStream,
  form,
  json,
  type Positions,
  password,
  post,
  sends,
  sendsBody,
} from '../position.ts';

const upTo = (depth: number, inner: string): string => `${'['.repeat(depth)}${inner}${']'.repeat(depth)}`;

/** JSON bodies. */
export const jsonPositions: Positions = {
  43: {
    title: 'by name',
    cases: {
      'in a request': sendsBody(json, password),
      'in a response': answers(json, password),
      'written as hexadecimal digits': {
        answer: (canary) => ({
          headers: [['Content-Type', json]],
          pieces: [Buffer.from(password(canary)).toString('hex')],
          hex: true,
        }),
      },
      'in pieces': { request: (canary) => chunked(json, [...password(canary)]) },
      'a place': sends(({ word }) => ({ place: { latitude: word } })),
      'a device': sends(({ word }) => ({ device_id: word })),
      'a birthday': sends(({ word }) => ({ dateOfBirth: word })),
      'a first name': sends(({ word }) => ({ firstName: word })),
      'a security number': sends(({ word }) => ({ nationalId: word })),
      'an expiry of a card': sends(({ word }) => ({ cardNumber: word })),
      'an account': sends(({ iban }) => ({ to: `pay ${iban}.` }), 'iban'),
      'a security number by look': sends(({ ssn }) => ({ note: `is ${ssn}.` }), 'ssn'),
      'a phone by look': sends(({ phone }) => ({ note: `call ${phone}` }), 'phone'),
      'an address of the network by look': sends(({ ip }) => ({ from: ip }), 'ip'),
      'a key by look': sends(({ apiKey }) => ({ x: `key ${apiKey}.` }), 'apiKey'),
      'a connection string': sends(({ word }) => ({ dsn: `postgres://app:${word}@db.test/x` })),
      'a connection string to this machine': sends(({ word }) => ({
        dsn: `redis://app:${word}@localhost:6379`,
      })),
      'a private key': sends(({ word }) => ({
        x: `-----BEGIN ${'PRIVATE'} KEY-----\n${word}\n-----END ${'PRIVATE'} KEY-----`,
      })),
      'a value of no name, under the policy strict': {
        ...sends(({ word }) => ({ colour: word })),
        strict: 'default/strict/value',
      },
    },
  },
  44: {
    title: 'escaped name',
    cases: {
      once: sendsBody(json, ({ word }) => `{"p\\u0061ssword":"${word}"}`),
      'percent codes': sendsBody(json, ({ word }) => `{"pass%77ord":"${word}"}`),
    },
  },
  45: {
    title: 'escaped value',
    cases: {
      '@': { find: 'email', request: ({ email }) => post(json, `["${email.replace('@', '\\u0040')}"]`) },
      'slashes of a URL': sendsBody(json, ({ word }) => `{"u":"https:\\/\\/x\\/?token=${word}"}`),
      'every character': sendsBody(json, ({ word }) => {
        const escaped = [...word].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('');
        return `{"password":"${escaped}"}`;
      }),
    },
  },
  46: {
    title: 'object key',
    cases: {
      plain: sends(({ email }) => ({ [email]: 1 }), 'email'),
      escaped: {
        find: 'email',
        request: ({ email }) => post(json, `{"${email.replace('@', '\\u0040')}":1}`),
      },
      'a card': sends(({ card }) => ({ [card]: {} }), 'card'),
    },
  },
  47: {
    title: 'number',
    cases: {
      'by name': { find: 'digits', request: ({ digits }) => post(json, `{"accountNumber":${digits}}`) },
      'by look': { find: 'card', request: ({ card }) => post(json, `{"x":${card}}`) },
      'a long one': { find: 'digits', request: ({ digits }) => post(json, `{"pin":${digits.repeat(3)}}`) },
      'with an exponent': { find: 'digits', request: ({ digits }) => post(json, `{"pin":${digits}e0}`) },
      'with a fraction': { find: 'digits', request: ({ digits }) => post(json, `{"pin":0.${digits}}`) },
    },
  },
  48: {
    title: 'nested arrays',
    cases: {
      'under a name': sends(({ word }) => ({ tokens: [[{ a: [word] }]] })),
      'an object under a name': sends(({ word }) => ({ secret: { a: { b: word } } })),
    },
  },
  49: {
    title: 'duplicate key',
    cases: { 'the second': sendsBody(json, ({ word }) => `{"password":"a","password":"${word}"}`) },
  },
  50: {
    title: 'deep nesting',
    cases: {
      '150 arrays': { find: 'email', request: ({ email }) => post(json, upTo(150, `"${email}"`)) },
      '100 arrays': { find: 'email', request: ({ email }) => post(json, upTo(100, `"${email}"`)) },
    },
  },
  51: {
    title: 'JSON in a string',
    cases: {
      twice: sends((canary) => ({ a: password(canary) })),
      'three times': sends((canary) => ({ a: JSON.stringify({ b: password(canary) }) })),
      'six times': sends((canary) => {
        let text = password(canary);
        for (let i = 0; i < 5; i++) text = JSON.stringify({ a: text });
        return { a: text };
      }),
      'within a text': sends((canary) => ({ error: `cannot parse ${password(canary)} here` })),
      'a form': sends(({ word }) => ({ body: `a=1&client_secret=${word}` })),
      'a form with a name of a person': sends(({ word }) => ({ body: `id=1&firstName=${word}` })),
    },
  },
  52: {
    title: 'web token in JSON',
    cases: {
      'by look': sends(({ jwt }) => ({ x: jwt }), 'jwt'),
      'in the text of a head': sends(
        ({ jwt }) => ({ raw: `GET / HTTP/1.1\r\nAuthorization: Bearer ${jwt}` }),
        'jwt',
      ),
    },
  },
  53: {
    title: 'base64 of JSON in JSON',
    cases: {
      'an object': sends((canary) => ({ x: base64(password(canary)) })),
      'a list': sends((canary) => ({ x: base64(`[[${password(canary)}]]`) })),
      'with space in front': sends((canary) => ({ x: base64(`\t${password(canary)}`) })),
      'in a data URL': sends((canary) => ({ x: `data:application/json;base64,${base64(password(canary))}` })),
      'broken over lines': sends((canary) => ({
        x: base64(JSON.stringify({ a: 'x'.repeat(60), ...JSON.parse(password(canary)) })).replace(
          /.{76}/g,
          '$&\n',
        ),
      })),
    },
  },
  54: {
    title: 'name and value pairs',
    cases: {
      'the name first': sends(({ word }) => [{ name: 'password', value: word }]),
      'the value first': sends(({ word }) => [{ value: word, key: 'api_key' }]),
      'a list of headers': sends(({ word }) => [{ name: 'Authorization', value: word }]),
      'a label': sends(({ word }) => ({ label: 'Password', value: word })),
      'a JSON Patch': sends(({ word }) => [{ op: 'replace', path: '/user/password', value: word }]),
      'an old and a new value': sends(({ word }) => ({
        property: 'password',
        oldValue: word,
        newValue: word,
      })),
      'another name behind it': sends(({ word }) => ({ name: 'password', id: '7', value: word })),
      'another value behind it': sends(({ word }) => ({ value: word, text: 'l', name: 'password' })),
    },
  },
  55: {
    title: 'JSON lines and sequences',
    cases: {
      lines: sendsBody('application/x-ndjson', (canary) => `{"a":1}\n${password(canary)}\n`),
      'the last line cut': sendsBody('application/x-ndjson', (c) => `{"a":1}\n${password(c).slice(0, -2)}`),
      'lines without a type': sendsBody('', (canary) => `{"a":1}\n${password(canary)}\n`),
      'a sequence': sendsBody('application/json-seq', (canary) => `\x1e${password(canary)}\n`),
      'lines in a response': answers('application/jsonl', (canary) => `{"a":1}\n${password(canary)}\n`),
    },
  },
  56: {
    title: 'byte order mark, UTF-16',
    cases: {
      'a byte order mark': sendsBody(json, (canary) => `\ufeff${password(canary)}`),
      'UTF-16': sendsBody(json, (canary) => Buffer.from(password(canary), 'utf16le')),
      'UTF-16, said so': sendsBody(`${json}; charset="UTF-16LE"`, (c) => Buffer.from(password(c), 'utf16le')),
      'UTF-16, other byte first': sendsBody(json, (c) =>
        Buffer.from(`\ufeff${password(c)}`, 'utf16le').swap16(),
      ),
    },
  },
  57: {
    title: 'something behind the document',
    cases: {
      JSON: sendsBody(json, (canary) => `{"a":1} ${password(canary)}`),
      'a word': sendsBody(json, ({ word }) => `{"a":1} ${word}`),
    },
  },
  58: {
    title: 'truncated document',
    cases: {
      'within a string': sendsBody(json, (canary) => password(canary).slice(0, -2)),
      'before its end': sendsBody(json, (canary) => password(canary).slice(0, -1)),
      'in a response': answers(json, (canary) => password(canary).slice(0, -1)),
    },
  },
  59: {
    title: 'wrong or missing Content-Type',
    cases: {
      missing: sendsBody('', password),
      'text/plain': sendsBody('text/plain', password),
      'a form': sendsBody(form, password),
      'an event stream': sendsBody(eventStream, password),
      'text/csv': sendsBody('text/csv', password),
      'an image': sendsBody('image/png', password),
      'two types': sendsBody('text/plain', password, `Content-Type: ${json}`),
      'within a text': sendsBody('text/plain', (canary) => `POST ${password(canary)} failed`),
      'a parameter of the type': {
        find: 'email',
        request: ({ email }) => post(`text/plain; x=${email}`, 'a'),
      },
    },
  },
  60: {
    title: 'JSONP and guards',
    cases: {
      'a function call': sendsBody(json, (canary) => `callback(${password(canary)})`),
      'a function call in a text': sendsBody('text/plain', (canary) => `callback(${password(canary)})`),
      'a function call in a script': answers(
        'application/javascript',
        (canary) => `/**/cb(${password(canary)});`,
      ),
      'a guard': sendsBody(json, (canary) => `)]}'\n${password(canary)}`),
    },
  },
  61: {
    title: 'names of object prototypes',
    cases: {
      'the prototype': sendsBody(json, (canary) => `{"__proto__":${password(canary)}}`),
      'the constructor': sendsBody(json, (canary) => `{"constructor":{"prototype":${password(canary)}}}`),
    },
  },
  62: {
    title: 'lone surrogate, invalid UTF-8',
    cases: {
      'a lone surrogate': sendsBody(json, ({ word }) => `{"a":"\\ud800","password":"${word}"}`),
      'invalid UTF-8': sendsBody(json, ({ word }) =>
        Buffer.concat([Buffer.from(`{"a":"${word}`), Buffer.from([0xff, 0x22, 0x7d])]),
      ),
      'invalid UTF-8 beside a masked value': sendsBody(json, (canary) =>
        Buffer.concat([Buffer.from(password(canary).slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]),
      ),
    },
  },
};
