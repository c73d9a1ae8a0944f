import { isUtf8 } from 'node:buffer';
import { type HeaderList, headerEntries } from '../model/headers.ts';
import { addressOf, canonicalIp } from './canonical.ts';
import { CookieMasker } from './cookies.ts';
import { credentialSchemes, fixedHeaderKinds, type HeaderKind, headerKinds } from './default-policy.ts';
import { nameMeaning } from './key-words.ts';
import type { MaskRule } from './mask-rule.ts';
import type { Scope } from './scope.ts';
import type { TextMasker } from './text-masker.ts';

type Kind = HeaderKind | 'unknown';

const namesRemembered = 2048;
const byName = new Map<string, HeaderKind>();
const byPrefix: [prefix: string, kind: HeaderKind][] = [];
for (const kind of Object.keys(headerKinds).filter(isKind)) {
  for (const name of headerKinds[kind]) {
    if (name.endsWith('*')) byPrefix.push([name.slice(0, -1), kind]);
    else byName.set(name, kind);
  }
}

function isKind(text: string): text is HeaderKind {
  return text in headerKinds;
}

/** Masks lists of headers, trailers and metadata: what no rule knows is not shown. */
export class HeaderMasker {
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #cookies: CookieMasker;
  readonly #kinds = new Map<string, Kind>();

  constructor(scope: Scope, text: TextMasker) {
    this.#scope = scope;
    this.#text = text;
    this.#cookies = new CookieMasker(scope, text);
  }

  mask(headers: HeaderList): HeaderList {
    const out: string[] = [];
    let changed = headers.length % 2 === 1;
    for (const [name, value] of headerEntries(headers)) {
      const lower = name.toLowerCase();
      const kind = this.#kind(lower);
      const shownName = kind === 'unknown' ? this.#text.mask(name, 0) : name;
      const masked = this.#value(lower, kind, value, shownName);
      if (masked === undefined) {
        changed = true;
        continue;
      }
      if (masked !== value || shownName !== name) changed = true;
      out.push(shownName, masked);
    }
    return changed ? out : headers;
  }

  #kind(lower: string): Kind {
    let kind = this.#kinds.get(lower);
    if (kind === undefined) {
      kind = byName.get(lower) ?? kindByPrefix(lower) ?? 'unknown';
      if (this.#kinds.size >= namesRemembered) this.#kinds.clear();
      this.#kinds.set(lower, kind);
    }
    return kind;
  }

  /** The value to keep, or undefined when the header goes. */
  #value(name: string, kind: Kind, value: string, shownName: string): string | undefined {
    const user = this.#scope.rules.header(name);
    if (user !== undefined && !(fixedHeaderKinds.some((fixed) => fixed === kind) && shows(user))) {
      if (user.action === 'keep') return user.detectors ? this.#scan(value) : value;
      if (user.action === 'remove') return this.#removed(user.id, value);
      return this.#under(user, value);
    }
    return this.#byKind(name, kind, value, shownName);
  }

  #byKind(name: string, kind: Kind, value: string, shownName: string): string | undefined {
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
        return value.includes('@') ? this.#scan(value) : value;
      case 'trace':
        return /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(value) ? value : this.#scan(value);
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
      case 'percent':
        return this.#text.urls.pairs(value, 'query', 0);
      case 'kept':
        return this.#scan(value);
      default:
        return this.#unknown(name, value, shownName);
    }
  }

  /** A header that no rule knows: by the words of its name, or by its name alone. */
  #unknown(name: string, value: string, shownName: string): string | undefined {
    const { rules } = this.#scope;
    const meaning = nameMeaning(name, false);
    if (meaning !== undefined && rules.enabled(meaning.rule)) {
      return this.#under(rules.default(meaning.rule, meaning.type), value);
    }
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
      item
        .split(';')
        .map((pair) => (/^\s*(?:for|by)\s*=/i.test(pair) ? this.#parameter(rule, pair) : this.#scan(pair)))
        .join(';'),
    );
  }

  #address(rule: MaskRule, item: string): string {
    const text = item.trim();
    if (text === '' || text.toLowerCase() === 'unknown') return item;
    return item.replace(text, () => this.#under(rule, addressOf(text) ?? text));
  }

  /** `name=value`, with quotes or without; of addresses, the port is not part of the value. */
  #parameter(rule: MaskRule, pair: string): string {
    const match = /^(\s*[\w.*-]{1,64}\s*=\s*)("?)(.*?)("?)(\s*)$/s.exec(pair);
    if (match === null) return pair.trim() === '' ? pair : this.#under(rule, pair);
    const [, name = '', open = '', inside = '', close = '', space = ''] = match;
    if (open !== close) return name + this.#under(rule, open + inside + close) + space;
    const text = rule.type === 'ip' ? (addressOf(inside) ?? inside) : inside;
    return name + open + this.#under(rule, text) + close + space;
  }

  #etags(value: string): string {
    const rule = this.#scope.rules.default('default/header/etag', 'etag');
    return this.#listed(value, (item) => {
      const match = /^(\s*(?:W\/)?)"(.*)"(\s*)$/s.exec(item);
      if (match !== null) return `${match[1]}"${this.#under(rule, match[2] ?? '')}"${match[3]}`;
      if (item.trim() === '*' || item.trim() === '' || /^[\w ,:]{1,40} GMT$/.test(value)) return item;
      return item.replace(item.trim(), (text) => this.#under(rule, text));
    });
  }

  #urls(kind: 'url' | 'link' | 'refresh', value: string): string {
    if (kind === 'url') return this.url(value);
    if (kind === 'refresh') {
      const match = /^([\d.\s]{0,20};?\s*(?:url\s*=\s*)?['"]?)(.*)$/is.exec(value);
      return match === null ? this.url(value) : `${match[1]}${this.url(match[2] ?? '')}`;
    }
    const parts = value.split(/(<[^>]*>)/);
    return parts
      .map((part) => (part.startsWith('<') ? `<${this.url(part.slice(1, -1))}>` : this.#scan(part)))
      .join('');
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
      return item.replace(text, () => this.#under(rule, text));
    });
  }

  /** File names are people's own words; what kind of file it is stays. */
  #disposition(value: string): string {
    const rule = this.#scope.rules.default('default/header/unknown', 'file-name');
    return splitList(value, ';')
      .map((part) => {
        const match = /^(\s*filename\*?\s*=\s*)("?)(.*?)("?)(\s*)$/is.exec(part);
        if (match === null) return this.#scan(part);
        const [, name = '', open = '', inside = '', close = '', space = ''] = match;
        const extension = /\.[A-Za-z0-9]{1,5}$/.exec(inside)?.[0] ?? '';
        const stem = inside.slice(0, inside.length - extension.length);
        const coded = name.includes('*') ? "UTF-8''" : '';
        const bare = coded === '' ? stem : stem.replace(/^[\w-]*'[\w-]*'/, '');
        return `${name}${open}${coded}${this.#under(rule, bare)}${extension}${close}${space}`;
      })
      .join(';');
  }

  /** Each item of a list with commas; quoted commas do not count. */
  #listed(value: string, maskItem: (item: string) => string): string {
    if (!value.includes(',')) return maskItem(value);
    return splitList(value, ',').map(maskItem).join(',');
  }
}

/** That a name begins as those of headers that are kept says little when another of its words is that of a secret. */
function kindByPrefix(lower: string): Kind | undefined {
  const kind = byPrefix.find(([prefix]) => lower.startsWith(prefix))?.[1];
  const counted = lower.startsWith('x-ratelimit-') || lower.startsWith('ratelimit');
  return kind === 'kept' && !counted && nameMeaning(lower, false) !== undefined ? undefined : kind;
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

function shows(rule: MaskRule): boolean {
  return rule.action === 'keep' || rule.action === 'partial' || rule.action === 'format';
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

/** The address of a peer, whatever its port. */
export function peerAddress(peer: string): string {
  return addressOf(peer) ?? canonicalIp(peer) ?? peer;
}
