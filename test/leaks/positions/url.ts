import { asks, base64, get, type Positions, password, percent } from '../position.ts';

/** The request target. */
export const urlPositions: Positions = {
  1: {
    title: 'path segment',
    cases: {
      'an address': asks(({ email }) => `/users/${email}`, 'email'),
      'a web token': asks(({ jwt }) => `/confirm/${jwt}`, 'jwt'),
      'a card': asks(({ card }) => `/cards/${card}`, 'card'),
      'a key': asks(({ apiKey }) => `/keys/${apiKey}`, 'apiKey'),
      'by a rule of the user': asks(({ word }) => `/people/${word}`),
      'by a rule, a slash behind it': asks(({ word }) => `/people/${word}/`),
      'by a rule, in capitals': asks(({ word }) => `/PEOPLE/${word}`),
      'by a rule, in absolute form': asks(({ word }) => `http://shop.test/people/${word}?a`),
      'in the route template that the application notes': {
        mark: ({ word }) => ['operation', `/people/${word}`],
      },
    },
  },
  2: {
    title: 'path segment, percent-encoded',
    cases: {
      'an address': asks(({ email }) => `/users/${percent(email)}`, 'email'),
      'by a rule of the user': asks(({ word }) => `/people/${percent(word)}`),
      'the path that the rule names, encoded': asks(({ word }) => `/${percent('people')}/${word}`),
    },
  },
  3: {
    title: 'path segment, percent-encoded twice',
    cases: { 'an address': asks(({ email }) => `/users/${percent(percent(email))}`, 'email') },
  },
  4: { title: 'matrix parameter', cases: { 'by name': asks(({ word }) => `/a;sid=${word};x=1/b`) } },
  5: {
    title: 'query value',
    cases: {
      'by name': asks(({ word }) => `/?token=${word}`),
      'by look, a card': asks(({ card }) => `/?q=${card}`, 'card'),
      'by look, an account': asks(({ iban }) => `/?q=${iban}`, 'iban'),
      'by look, a phone': asks(({ phone }) => `/?q=${percent(phone)}`, 'phone'),
      'by look, an address of the network': asks(({ ip }) => `/?q=${ip}`, 'ip'),
      'a code': asks(({ word }) => `/cb?code=${word}`),
      'an encoded ampersand': asks(({ word }) => `/?a=1%26password%3D${word}`),
      'a question mark twice': asks(({ word }) => `/?a=1?password=${word}`),
      'HTTP/1.0': { request: ({ word }) => get(`/?token=${word}`).replace('HTTP/1.1', 'HTTP/1.0') },
      'the second of two requests in one packet': {
        request: ({ word }) => `GET / HTTP/1.1\r\nHost: a\r\n\r\n${get(`/?sid=${word}`)}`,
      },
    },
  },
  6: {
    title: 'query name',
    cases: {
      'an address': asks(({ email }) => `/?${percent(email)}=1`, 'email'),
      'a card without a value': asks(({ card }) => `/?${card}`, 'card'),
    },
  },
  7: {
    title: 'query name in brackets',
    cases: {
      plain: asks(({ word }) => `/?user[0][password]=${word}`),
      encoded: asks(({ word }) => `/?user%5Bpassword%5D=${word}`),
      'a name in percent codes': asks(({ word }) => `/?${percent('password')}=${word}`),
      'a name encoded twice': asks(({ word }) => `/?${percent(percent('password'))}=${word}`),
    },
  },
  8: {
    title: 'second of two equal query names',
    cases: { 'by name': asks(({ word }) => `/?token=&token=${word}`) },
  },
  9: {
    title: 'plus as space',
    cases: {
      'around an address': asks(({ email }) => `/?q=to+${email}+now`, 'email'),
      'in a name': asks(({ word }) => `/?client+secret=${word}`),
    },
  },
  10: {
    title: 'semicolon between parameters',
    cases: {
      'by name': asks(({ word }) => `/?a=1;password=${word}`),
      'within a value': asks(({ word }) => `/?password=a;${word}`),
    },
  },
  11: {
    title: 'fragment in absolute form',
    cases: { 'by name': asks(({ word }) => `http://shop.test/#access_token=${word}`) },
  },
  12: {
    title: 'user information',
    cases: {
      'name and password': asks(({ word }) => `http://${word}:${word}@shop.test/`),
      'a name alone': asks(({ word }) => `http://${word}@shop.test/`),
      'of a URL in the path': asks(({ word }) => `/proxy/http://u:${word}@shop.test/`),
      'of a URL in the path, encoded': asks(({ word }) => `/proxy/${percent(`http://u:${word}@shop.test/`)}`),
      'behind two slashes': asks(({ word }) => `//u:${word}@shop.test/`),
    },
  },
  13: {
    title: 'authority of CONNECT',
    cases: {
      'user information': {
        told: ({ word }) => ({ start: { method: 'CONNECT', target: `u:${word}@shop.test:443` } }),
      },
      'to a server of Node': {
        request: ({ word }) => `CONNECT u:${word}@shop.test:443 HTTP/1.1\r\nHost: shop.test\r\n\r\n`,
        unseen: 'taps leave CONNECT alone',
      },
    },
  },
  14: {
    title: 'JSON in a query',
    cases: {
      encoded: asks((canary) => `/?filter=${percent(password(canary))}`),
      plain: { ...asks(({ word }) => `/?filter={"password":"${word}"}`), lenient: true },
    },
  },
  15: {
    title: 'base64 of JSON in a query',
    cases: {
      'in state': asks((canary) => `/?state=${base64(password(canary))}`),
      'with a space in it': asks((canary) => `/?x=${base64(` ${password(canary)}`).replaceAll('=', '')}`),
    },
  },
  16: { title: 'web token in a query', cases: { 'by look': asks(({ jwt }) => `/?x=${jwt}`, 'jwt') } },
  17: {
    title: 'URL in a query',
    cases: {
      once: asks(({ word }) => `/?to=${percent(`https://x.test/?token=${word}`)}`),
      twice: asks(({ word }) => `/?to=${percent(`/?to=${percent(`/?token=${word}`)}`)}`),
    },
  },
  18: {
    title: 'broken percent codes',
    cases: {
      '%ZZ in a query': asks(({ word }) => `/?q=%ZZ${word}`),
      '%u0041 in a query': asks(({ word }) => `/?q=%u0041${word}`),
      '%ZZ in a path': asks(({ word }) => `/%ZZ${word}`),
      'bytes over 127 in the target': {
        find: 'email',
        lenient: true,
        request: ({ email }) => Buffer.from(get(`/?q=\u00e9${email}`), 'utf8'),
        unseen: 'Node’s parser refuses them',
      },
    },
  },
};
