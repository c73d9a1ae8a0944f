import { isUtf8 } from 'node:buffer';
import { credentialSchemes, type HeaderKind, isTelling } from '../policy/default-policy.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { ProtobufMasker } from '../protobuf/protobuf-masker.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import { addressOf } from '../value/canonical.ts';
import { nameMeaning } from '../value/key-words.ts';
import { CookieMasker } from './cookies.ts';
import { headerShape } from './header-shapes.ts';
import { withMaskedBoundary } from './multipart-boundary.ts';

const httpDate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** Longer numbers may be those of cards. */
const plainNumber = /^\d{1,12}$/;

/** Masks the value of a header as its kind is read. */
export class HeaderValues {
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #cookies: CookieMasker;
  readonly #protobuf: ProtobufMasker;

  constructor(scope: Scope, text: TextMasker, protobuf: ProtobufMasker) {
    this.#scope = scope;
    this.#protobuf = protobuf;
    this.#text = text;
    this.#cookies = new CookieMasker(scope, text);
  }

  /** The value to keep, or undefined when the header goes. Under a rule of the user's. */
  byRule(rule: MaskRule, kind: HeaderKind | 'unknown', value: string): string | undefined {
    if (rule.action === 'remove') return this.#removed(rule.id, value);
    // Whoever reads the body needs the boundary that stands in it now.
    const text = kind === 'content-type' ? withMaskedBoundary(value) : value;
    if (rule.action === 'keep') return rule.detectors ? this.#scan(text) : text;
    return this.#under(rule, text);
  }

  /** The same where the user has no rule. `name` is in lower case, `shownName` what is left of the name as it was sent. */
  byKind(name: string, kind: HeaderKind | 'unknown', value: string, shownName: string): string | undefined {
    const { rules } = this.#scope;
    const credential = rules.default('default/header/credential', 'secret');
    switch (kind) {
      case 'authorization':
      case 'credential':
        return this.#under(credential, value);
      case 'challenge':
        return this.#challenge(credential, value);
      case 'email':
        return this.#under(rules.default('default/header/credential', 'email'), value);
      case 'user':
        return this.#under(rules.default('default/header/credential', 'user'), value);
      case 'cookie':
        return this.#cookies.cookie(value);
      case 'set-cookie':
        return this.#cookies.setCookie(value);
      case 'host':
        return this.#listed(value, (item) => this.host(item));
      case 'trace':
        return traceContext.test(value) ? value : this.#scan(value);
      case 'date':
        return httpDate.test(value) ? value : this.#scan(value);
      case 'number':
        return plainNumber.test(value) ? value : this.#scan(value);
      case 'content-type':
        return this.#scan(withMaskedBoundary(value));
      case 'handshake':
        return this.#removed('default/header/credential', value);
      case 'network':
      case 'forwarded':
      case 'via':
        return rules.enabled('default/header/network') ? this.#network(kind, value) : this.#scan(value);
      case 'body-hash':
        return rules.enabled('default/header/body-hash')
          ? this.#removed('default/header/body-hash', value)
          : value;
      case 'etag':
        return rules.enabled('default/header/etag') ? this.#etags(value) : this.#scan(value);
      case 'url':
      case 'link':
      case 'refresh':
        return rules.enabled('default/header/url') ? this.#urls(kind, value) : this.#scan(value);
      case 'subprotocol':
        return this.#subprotocols(value);
      case 'params':
        return this.#listed(value, (item) =>
          this.#parameter(rules.default('default/header/unknown', 'header'), item),
        );
      case 'disposition':
        return this.#disposition(value);
      case 'status-details':
        return this.#listed(value, (item) => this.#statusDetails(credential, item));
      case 'percent':
        return this.#text.urls.pairs(value, 'query', 0);
      case 'kept':
        return rules.otherwise !== undefined && isTelling(name)
          ? this.#under(rules.default('default/strict/header', `header:${name}`), value)
          : this.#scan(value);
      default:
        return this.#unknown(name, value, shownName);
    }
  }

  /** The server's own name and port, after what a user may have put before `@`. An address there is the server's, nobody else's. */
  host(value: string): string {
    const at = value.lastIndexOf('@');
    if (at >= 0) {
      const rule = this.#scope.rules.default('default/detect/url-userinfo', 'secret');
      const space = value.length - value.trimStart().length;
      const masked = this.#under(rule, value.slice(space, at));
      return `${value.slice(0, space)}${masked}@${this.host(value.slice(at + 1))}`;
    }
    const name = value.trim();
    return addressOf(name) === undefined ? this.#scan(value) : value;
  }

  /** A header that no rule knows: by the words of its name, or by its name alone. */
  #unknown(name: string, value: string, shownName: string): string | undefined {
    if (headerShape(name)?.test(value)) return value;
    const { rules } = this.#scope;
    const meaning = nameMeaning(name, false);
    if (meaning !== undefined && rules.enabled(meaning.rule)) {
      return this.#under(rules.default(meaning.rule, meaning.type), value);
    }
    // What a hook put there is meant.
    if (this.#scope.again) return this.#scan(value);
    this.#scope.audit.unknownHeader(shownName.toLowerCase());
    switch (rules.unknownHeaders) {
      case 'drop':
        return this.#removed('default/header/unknown', value);
      case 'scan':
        return this.#scan(value);
      default:
        return this.#under(rules.default('default/header/unknown', `header:${name}`), value);
    }
  }

  #removed(rule: string, value: string): undefined {
    this.#scope.count(rule, value);
    return undefined;
  }

  #scan(value: string): string {
    const text = decodedHeader(value);
    const masked = this.#text.mask(text, 0);
    return masked === text ? value : text === value ? masked : encodedHeader(masked);
  }

  #under(rule: MaskRule, value: string): string {
    const text = decodedHeader(value);
    const masked = this.#text.maskUnder(rule, text, 0);
    return masked === text ? value : text === value ? masked : encodedHeader(masked);
  }

  /** The scheme and the names of its parameters stay: a client chooses by them. */
  #challenge(rule: MaskRule, value: string): string {
    const match = /^([A-Za-z][\w-]{0,30})(?: +(.*))?$/s.exec(value);
    const [, scheme = '', rest = ''] = match ?? [];
    const known = match !== null && credentialSchemes.has(scheme.toLowerCase());
    if (known && rest === '') return value;
    const text = known ? rest : value;
    const shown = known ? `${scheme} ` : '';
    if (!/^\s*[\w-]{1,40}=/.test(text)) return shown + this.#under(rule, text);
    return shown + this.#listed(text, (item) => this.#parameter(rule, item));
  }

  /** A `google.rpc.Status` in base64, of which what can be read stays. */
  #statusDetails(rule: MaskRule, value: string): string {
    const text = value.trim();
    const bytes = Buffer.from(text, 'base64');
    // Whatever base64 passes over would not be looked at.
    const plain = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
    if (bytes.toString('base64').replace(/=+$/, '') !== plain) return this.#under(rule, value);
    const masked = this.#protobuf.status(bytes);
    if (typeof masked === 'string') return this.#under(rule, value);
    if (masked === undefined) return value;
    const encoded = masked.toString('base64');
    return text.endsWith('=') ? encoded : encoded.replace(/=+$/, '');
  }

  #network(kind: 'network' | 'forwarded' | 'via', value: string): string {
    const rule = this.#scope.rules.default('default/header/network', 'ip');
    if (kind === 'network') return this.#listed(value, (item) => this.#address(rule, item));
    if (kind === 'via') {
      const hops = value
        .split(' ')
        .map((word) => (addressOf(word) === undefined ? word : this.#address(rule, word)));
      return this.#scan(hops.join(' '));
    }
    return this.#listed(value, (item) =>
      splitList(item, ';')
        .map((pair) => this.#forwarded(rule, pair))
        .join(';'),
    );
  }

  /** Of `Forwarded`: addresses are masked, the host is the server's own, extensions can be anything. */
  #forwarded(rule: MaskRule, pair: string): string {
    const name = pair
      .slice(0, Math.max(pair.indexOf('='), 0))
      .trim()
      .toLowerCase();
    switch (name) {
      case 'host':
        return this.#inQuotes(pair, (text) => this.host(text));
      case 'proto':
        return this.#inQuotes(pair, (text) =>
          /^(?:https?|wss?)$/i.test(text) ? text : this.#under(rule, text),
        );
      default:
        return this.#parameter(rule, pair);
    }
  }

  #address(rule: MaskRule, item: string): string {
    const text = item.trim();
    if (text === '' || text.toLowerCase() === 'unknown') return item;
    return replaced(item, text, this.#under(rule, addressOf(text) ?? text));
  }

  /** `name=value`, with quotes or without; of addresses, the port is not part of the value. */
  #parameter(rule: MaskRule, pair: string): string {
    const name = pair.slice(0, Math.max(pair.indexOf('='), 0)).trim();
    if (!/^[\w.*-]{1,64}$/.test(name)) return pair.trim() === '' ? pair : this.#under(rule, pair);
    return this.#inQuotes(pair, (text) =>
      this.#under(rule, rule.type === 'ip' ? (addressOf(text) ?? text) : text),
    );
  }

  /** `name=value` with another value, within the quotes if there are any. */
  #inQuotes(pair: string, mask: (text: string) => string): string {
    const from = pair.indexOf('=') + 1;
    const raw = pair.slice(from);
    const text = raw.trim();
    const quoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
    const inside = quoted ? text.slice(1, -1) : text;
    const masked = mask(inside);
    if (masked === inside) return pair;
    const at = raw.indexOf(text);
    const around = quoted ? '"' : '';
    return pair.slice(0, from + at) + around + masked + around + raw.slice(at + text.length);
  }

  #etags(value: string): string {
    const rule = this.#scope.rules.default('default/header/etag', 'etag');
    if (httpDate.test(value)) return value;
    return this.#listed(value, (item) => {
      const text = item.trim();
      if (text === '' || text === '*') return item;
      const tag = text.startsWith('W/') ? text.slice(2) : text;
      const quoted = tag.length > 1 && tag.startsWith('"') && tag.endsWith('"');
      const inside = quoted ? tag.slice(1, -1) : tag;
      const start = item.indexOf(text) + text.length - tag.length + (quoted ? 1 : 0);
      return item.slice(0, start) + this.#under(rule, inside) + item.slice(start + inside.length);
    });
  }

  #urls(kind: 'url' | 'link' | 'refresh', value: string): string {
    if (kind === 'url') return this.url(value);
    if (kind === 'refresh') {
      const match = /^([\d.\s]{0,20};?\s*(?:url\s*=\s*)?['"]?)(.*)$/is.exec(value);
      return match === null ? this.url(value) : `${match[1]}${this.url(match[2] ?? '')}`;
    }
    return this.#links(value);
  }

  /** URLs stand between angle brackets. */
  #links(value: string): string {
    let out = '';
    let from = 0;
    for (;;) {
      const open = value.indexOf('<', from);
      const close = open < 0 ? -1 : value.indexOf('>', open);
      if (close < 0) return out + this.#scan(value.slice(from));
      out += `${this.#scan(value.slice(from, open))}<${this.url(value.slice(open + 1, close))}>`;
      from = close + 1;
    }
  }

  url(value: string): string {
    if (value === '*' || value === 'null' || value === '') return value;
    const text = decodedHeader(value);
    const masked = this.#text.urls.mask(text, 0, false);
    return masked === text ? value : text === value ? masked : encodedHeader(masked);
  }

  /** Names of protocols stay; what does not look like one is a token that was put there. */
  #subprotocols(value: string): string {
    const rule = this.#scope.rules.default('default/header/credential', 'secret');
    return this.#listed(value, (item) => {
      const text = item.trim();
      if (text === '' || /^[a-z0-9.+-]{1,32}$/.test(text)) return this.#scan(item);
      return replaced(item, text, this.#under(rule, text));
    });
  }

  /** File names are people's own words; what kind of file it is stays. */
  #disposition(value: string): string {
    const rule = this.#scope.rules.default('default/header/unknown', 'file-name');
    return splitList(value, ';')
      .map((part) => {
        const name = part
          .slice(0, Math.max(part.indexOf('='), 0))
          .trim()
          .toLowerCase();
        if (!/^filename(?:\*|\*\d{1,9}\*?)?$/.test(name)) return this.#scan(part);
        return this.#inQuotes(part, (inside) => {
          const extension = /\.[A-Za-z0-9]{1,5}$/.exec(inside.slice(-6))?.[0] ?? '';
          const stem = inside.slice(0, inside.length - extension.length);
          const coded = /^filename\*(?:0\*)?$/.test(name) ? "UTF-8''" : '';
          const bare = !name.endsWith('*') ? stem : stem.replace(/^[\w-]{0,40}'[\w-]{0,40}'/, '');
          return `${coded}${this.#under(rule, bare)}${extension}`;
        });
      })
      .join(';');
  }

  /** Each item of a list with commas; quoted commas do not count. */
  #listed(value: string, maskItem: (item: string) => string): string {
    if (!value.includes(',')) return maskItem(value);
    return splitList(value, ',').map(maskItem).join(',');
  }
}

/** In one pass: a pattern with a look ahead over quotes takes the square of the length. */
function splitList(value: string, separator: string): string[] {
  const items: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const char = value[i];
    if (char === '"') quoted = !quoted;
    else if (char === '\\' && quoted) i++;
    else if (char === separator && !quoted) {
      items.push(value.slice(start, i));
      start = i + 1;
    }
  }
  items.push(value.slice(start));
  return items;
}

/** Header text is one character per byte; as UTF-8 where it is that, so that a value has one token everywhere. */
function decodedHeader(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

function encodedHeader(text: string): string {
  return /[^\0-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** `item` with `text`, which stands in it once but for space around, replaced. */
function replaced(item: string, text: string, by: string): string {
  const at = item.indexOf(text);
  return item.slice(0, at) + by + item.slice(at + text.length);
}
