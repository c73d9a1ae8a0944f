// Mutated JSON documents, and what must hold of the masking of each: the scanner accepts exactly what JSON.parse accepts, and
// every byte outside of the values that it masks stays. `npm run fuzz` runs more of them than the tests do.

/** @typedef {import('../../packages/core/src/mask/json/json-scanner.ts').JsonScanner} JsonScanner */

const seeds = [
  '{"a":1,"b":[true,false,null,-0.5e+10,1E3],"c":{"d":"x\\n\\u00e9\\\\ \\"q\\"","e":[]},"f":{}}',
  '[[[["deep"]]],{"k":"v","password":"hunter2","email":"bob@example.com"},0,-1,12.34]',
  ' { "spaced" : [ 1 , 2 ] ,\r\n\t"s" : "\\t" } ',
  '"just a string \\ud83d\\ude00 \\ud800 lone"',
  '-0',
  '{"value":"x","name":"password","n":null,"id":7,"content":{"a":[1]},"key":"token"}',
  '{"":"","é":"ü","__proto__":{"constructor":1},"toString":2,"__proto__":[]}',
  '{"p\\u0061ssword":"one","password":"two","Pass-Word":["three",4,{"five":6}],"PASSWORD":-1.5e3}',
  '{"card":"4242 4242 4242 4242","n":4242424242424242,"t":1746000000000,"m":"+14155552671","k":"a@b.co c"}',
  '{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","at":"2026-05-01T12:34:56.789Z","v":[9007199254740993,1.0,1e400]}',
  '{"log":"{\\"secret\\":\\"s\\",\\"n\\":[1,2]}","jwt":"eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln","u":"https://x.test/?token=t"}',
  '[{"sku":"A","price":1},{"sku":"B","price":2},{"sku":"C","other":3},{"price":4,"sku":"D"}]',
  '"',
  '[1.5,2e-7,-3E+2,0.10,10,100]',
];
const pieces = [
  ...[
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '{}',
    '[]',
    '""',
    '":',
    ',"',
    '\\"',
    '\\\\',
    '\\u',
    '\\u00',
    '\\ud8',
  ],
  ...['0', '1', '-', '.', 'e', 'E', '+', '00', '01', '-0', '1.', '.5', '1e', '+1', '12345678901234567890'],
  ...[
    'true',
    'null',
    'false',
    'nul',
    'NaN',
    'Infinity',
    'undefined',
    "'",
    '/',
    '//',
    '/*',
    'u',
    'a',
    'x@y.zz',
  ],
  ...[
    '\n',
    '\t',
    '\r',
    ' ',
    '\0',
    '\x1f',
    '\x7f',
    '\x0b',
    '\x0c',
    '\u00a0',
    '\u2028',
    '\ufeff',
    'é',
    '😀',
    '€',
  ],
  ...['"password":"p"', '"name":"pin",', '"value":1,', '"email":["a"],'],
];

/**
 * A small, fast generator whose numbers are the same in each run.
 * @param {number} seed
 * @returns {(below: number) => number}
 */
function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * So many mutated documents.
 * @param {number} count
 * @param {number} seed
 * @returns {Generator<string>}
 */
export function* mutatedDocuments(count, seed) {
  const below = random(seed);
  /** @param {string[]} list */
  const oneOf = (list) => list[below(list.length)] ?? '';
  for (let i = 0; i < count; i++) {
    let document = oneOf(seeds);
    for (let changes = 1 + below(3); changes > 0; changes--) {
      const at = below(document.length + 1);
      const to = at + below(3);
      switch (below(8)) {
        case 0:
          document = document.slice(0, at) + document.slice(to);
          break;
        case 1:
          // A part once more, somewhere else.
          document =
            document.slice(0, at) + document.slice(below(document.length), at + 20) + document.slice(at);
          break;
        case 2:
          document = document.slice(0, at) + oneOf(seeds) + document.slice(to);
          break;
        case 3:
          document = document.slice(0, Math.max(1, at));
          break;
        case 4:
          document = document.slice(0, at) + String.fromCharCode(below(128)) + document.slice(at + 1);
          break;
        default:
          document = document.slice(0, at) + oneOf(pieces) + document.slice(to);
      }
    }
    // Half a surrogate pair has no bytes of its own.
    yield Buffer.from(document).toString();
  }
}

const token = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|[{}[\],:]|[ \t\r\n]+/gs;

/**
 * What is wrong with the masking of this document; empty when nothing is.
 * @param {JsonScanner} scanner
 * @param {string} document
 */
export function complaint(scanner, document) {
  const bytes = Buffer.from(document);
  const isJson = parses(document);
  const problem = scanner.scan(bytes, 0, bytes.length, 0);
  if ((problem === '') !== isJson)
    return `JSON.parse ${isJson ? 'accepts' : 'rejects'} it, the scanner says "${problem}"`;
  if (!isJson) return '';
  const masked = scanner.edits.count === 0 ? document : scanner.edits.applyToBytes(bytes).toString();
  if (masked === document) return '';
  if (!parses(masked)) return `what is left is no JSON: ${masked}`;
  return tokensDiffer(document.match(token) ?? [], masked.match(token) ?? []);
}

/** @param {string} document */
function parses(document) {
  try {
    JSON.parse(document);
    return true;
  } catch {
    return false;
  }
}

/**
 * Only strings and numbers may have changed, and containers beside the name of a secret, which go as a whole.
 * @param {string[]} before
 * @param {string[]} after
 */
function tokensDiffer(before, after) {
  let i = 0;
  for (const now of after) {
    const was = before[i] ?? '';
    if (now === '"[REDACTED]"' && (was === '{' || was === '[')) {
      let depth = 0;
      do {
        if (before[i] === '{' || before[i] === '[') depth++;
        if (before[i] === '}' || before[i] === ']') depth--;
        i++;
      } while (depth > 0);
      continue;
    }
    i++;
    if (now === was) continue;
    const isText = was.startsWith('"') && now.startsWith('"');
    const isNumber = /^-?\d/.test(was) && /^-?\d/.test(now);
    if (!isText && !isNumber) return `${was} became ${now}`;
  }
  return i === before.length ? '' : `${before.length - i} tokens are gone`;
}
