import type { DefaultRuleId } from '../policy/default-policy.ts';
import { percentDecoded } from './percent-decoded.ts';
import { tokenType } from './tokens.ts';

/** What the name of a value says about it. */
export interface NameMeaning {
  readonly rule: DefaultRuleId;
  /** Semantic type, of which the token is. */
  readonly type: string;
  /** Shorter values are left to the detectors: short names like `code` mean many things. */
  readonly minLength: number;
}

function words(text: string): Set<string> {
  return new Set(text.trim().split(/\s+/));
}

const secretWords = words(`
  password passwords passwd pwd passphrase passcode secret secrets credential credentials creds apikey apikeys
  privatekey otp totp mfa cvv cvv2 cvc csc ssn jwt bearer pin psk csrf xsrf cookie cookies`);

const secretPairs = words(`
  apikey privatekey secretkey accesskey signingkey encryptionkey masterkey sharedkey customerkey hostkey clientsecret
  sharedsecret securitycode recoverycode backupcode verificationcode confirmationcode authcode securityanswer
  clientassertion codeverifier usercode authkey connectionstring tokenvalue authorizationcode authorizationheader
  authorizationvalue policysignature requestsignature tokensignature webhooksignature password passwords passwd
  passphrase passcode`);

/** What forms put behind the word for a password that is asked for more than once. */
const afterPassword =
  /(password)(?:confirm|confirmation|again|repeat|repeated|retype|verify|verification|check|new|old|current|value|text)$/;

/** A name of one of these words before `authorization` is about permission or payment, not about the header. */
const harmlessBeforeAuthorization = words(`
  account card company extended incremental issuing mandate merchant no payment valid`);

/** `secret_scanning` is what a service does with secrets of others. */
const notOfSecret = words('scanning protection');

/** A name of one of these words before `token` is about paging or counting, not about access. */
const harmlessBeforeToken = words(`
  next page previous continuation cursor sync resume start starting request idempotency clientrequest cancellation max
  min total prompt completion input output reasoning cached pagination scroll stop backward forward sequence block lock
  http overlap`);

/** A name that ends in one of these words tells about a secret, but is none. */
const safeLastWords = words(`
  policy enabled disabled required allowed count length size min max expiry expires expiration ttl at date type status
  strength rule format method version url uri endpoint arn id name label hint description prefix age attempts remaining
  limit reset changed updated created config settings mode algorithm scope provider issuer audience file category error
  message days hour hours minutes seconds index level exists valid types behavior behaviour period strategy spec source
  expression prevention used setting configuration usage alert alerts fingerprint identifier
  decision rationale role action scans`);

/** A name that ends so is of that kind whatever stands before it, in the singular and the plural. */
const suffixes = [
  ...words(`
    emailaddress email phonenumber ipaddress firstname lastname fullname cardnumber accountnumber routingnumber sortcode
    postalcode zipcode dateofbirth birthdate macaddress streetaddress username holdername taxid addressline1
    addressline2 addressline3 homeaddress billingaddress shippingaddress mailingaddress postaladdress deliveryaddress
    residentialaddress customeraddress cardholderaddress addresszip billingzip shippingzip customername payername
    payeename sendername recipientname passengername employeename patientname legalname individualname preferredname passportname
    holderaddress primaryaddress permanentaddress counterpartyaddress buyeraddress`),
];
/** The same, where it is the whole last word. */
const lastWords = words('phone iban');

/** What names that end in one of {@link suffixes} end with, also in the plural: most names are told by that alone. */
const suffixEnds = new Set([...suffixes, 's'].map((suffix) => suffix.charCodeAt(suffix.length - 1)));

const exact = new Map<string, NameMeaning>();
function define(rule: DefaultRuleId, type: string, names: string): void {
  for (const name of words(names)) exact.set(name, { rule, type, minLength: 0 });
}
define(
  'default/key/secret',
  'secret',
  `pass pw userpass newpass oldpass passwordhash hashedpassword passwordsalt sid sessid sessionid session connectsid
  phpsessid jsessionid accesskeyid awsaccesskeyid sig signature hmac samlresponse samlrequest assertion
  authenticitytoken magiclink authorization samlassertion`,
);
define(
  'default/key/payment',
  'card',
  'cardnumber creditcard creditcardnumber ccnumber ccnum cardno pan primaryaccountnumber',
);
define(
  'default/key/payment',
  'payment',
  'cardcvc cardcvv expmonth expyear expiry expirydate cardexpiry cardexpirydate track1 track2 trackdata pinblock',
);
define('default/key/payment', 'name', 'cardholder cardholdername holdername');
define('default/key/payment', 'iban', 'iban');
define(
  'default/key/payment',
  'account',
  'bic accountnumber bankaccount bankaccountnumber routingnumber sortcode',
);
define('default/key/identity', 'ssn', 'socialsecuritynumber');
define(
  'default/key/identity',
  'national-id',
  `nationalid nino taxid tin ein itin passport passportnumber driverslicense driverslicensenumber licensenumber aadhaar
  cpf cnpj curp personnummer pesel bsn steuerid idnumber documentnumber taxpayerid vatid vatnumber`,
);
define('default/key/identity', 'birth-date', 'dob dateofbirth datesofbirth birthdate birthday');
define('default/key/contact', 'email', 'email emailaddress mail useremail primaryemail');
define('default/key/contact', 'phone', 'phone phonenumber mobile mobilenumber telephone tel fax msisdn');
define(
  'default/key/contact',
  'name',
  `firstname lastname fullname middlename givenname familyname surname maidenname nickname legalname customername
  payername payeename sendername recipientname passengername employeename patientname individualname
  preferredname passportname`,
);
define('default/key/contact', 'user', 'username login');
define(
  'default/key/contact',
  'address',
  `street streetaddress streetnumber address1 address2 addressline1 addressline2 addressline3 postalcode zipcode
  postcode zip addresszip billingzip shippingzip line1 line2 street1 street2 street3 streetname streetinfo homeaddress
  billingaddress shippingaddress mailingaddress postaladdress deliveryaddress residentialaddress customeraddress
  cardholderaddress holderaddress primaryaddress permanentaddress counterpartyaddress buyeraddress`,
);
define('default/key/geo', 'geo', 'latitude longitude lat lng lon geolocation');
define('default/key/contact', 'ip', 'ip ipaddress clientip remoteip remoteaddr userip sourceip');
define(
  'default/key/device',
  'device',
  'deviceid customerdeviceid userdeviceid mobiledeviceid advertisingid idfa gaid imei imsi macaddress',
);

const secret: NameMeaning = { rule: 'default/key/secret', type: 'secret', minLength: 0 };
const socialSecurity: NameMeaning = { rule: 'default/key/secret', type: 'ssn', minLength: 0 };
/** Names that are secrets only in a query or a form. */
const queryOnly = new Map<string, NameMeaning>([
  ['code', { ...secret, minLength: 10 }],
  ['state', { ...secret, minLength: 10 }],
  ['key', { ...secret, minLength: 16 }],
  ['xamzsignature', secret],
  ['xamzcredential', secret],
  ['xamzsecuritytoken', secret],
  ['xgoogsignature', secret],
  ['xgoogcredential', secret],
]);

const longestName = 256;
/** Most names have no part of their own, no percent codes, and none of the tokens of a name that was masked before. */
const inParts = /[%_.[]/;
const wordPattern = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\p{ASCII}]+/gu;

/** The same as {@link wordPattern} finds, for names of ASCII characters only: names can be many. */
function asciiWords(name: string): string[] | undefined {
  const length = Math.min(name.length, longestName);
  const found: string[] = [];
  let start = 0;
  // Kinds of characters: 0 none of a word, 1 small, 2 capital, 3 digit.
  let kind = 0;
  for (let i = 0; i <= length; i++) {
    const code = i < length ? name.charCodeAt(i) : 0;
    if (code > 127) return undefined;
    let next = 0;
    if (code >= 97 && code <= 122) next = 1;
    else if (code >= 65 && code <= 90) next = 2;
    else if (code >= 48 && code <= 57) next = 3;
    if (next === kind) continue;
    if (kind === 2 && next === 1) {
      // The last capital begins the new word: `SSECustomer`.
      if (i - 1 > start) found.push(name.slice(start, i - 1).toLowerCase());
      start = i - 1;
    } else {
      if (kind !== 0) found.push(name.slice(start, i).toLowerCase());
      start = i;
    }
    kind = next;
  }
  return found;
}

/** The words of a name, in lower case: `SSECustomerKey` and `sse_customer-key` are `sse customer key`. */
export function nameWords(name: string): string[] {
  return (
    asciiWords(name) ??
    (name.slice(0, longestName).normalize('NFKC').match(wordPattern) ?? []).map((word) => word.toLowerCase())
  );
}

/**
 * What a name means, or undefined when nothing is known of it. Names are compared as words, so `monkey` is no key.
 * Of `user[phone]` and `user.phone`, the last part counts as well as the whole.
 *
 * @param given - the name; of one that was masked before, its tokens say nothing
 * @param inQuery - the name stands in a query string or a form
 */
export function nameMeaning(given: string, inQuery: boolean): NameMeaning | undefined {
  if (!inParts.test(given)) return meaningOfEach(nameWords(given), inQuery);
  const plain = percentDecoded(given);
  const name = plain.includes('mk_') ? withoutTokens(plain) : plain;
  const whole = meaningOfEach(nameWords(name), inQuery);
  if (whole !== undefined || (!name.includes('.') && !name.includes('['))) return whole;
  const parts = name.slice(0, longestName).split(/[.[\]]+/);
  const last = parts.findLast((part) => part !== '' && !/^\d+$/.test(part));
  return last === undefined ? undefined : meaningOfEach(nameWords(last), inQuery);
}

/** The first and the second of something are what it is: `pass1` and `pass2` of a form. */
function meaningOfEach(parts: readonly string[], inQuery: boolean): NameMeaning | undefined {
  const meaning = meaningOf(parts, inQuery);
  if (meaning !== undefined || parts.length < 2 || !isNumbering(parts.at(-1) ?? '')) return meaning;
  return meaningOf(parts.slice(0, -1), inQuery);
}

function isNumbering(word: string): boolean {
  // Digits make words of their own.
  return word.length <= 2 && word >= '0' && word <= '99';
}

/** The words in a token are not those of the name that it stands for. */
function withoutTokens(name: string): string {
  if (tokenType(name) !== undefined) return '';
  return name
    .split(/([.[\]]+)/)
    .filter((part) => tokenType(part) === undefined)
    .join('');
}

function meaningOf(parts: readonly string[], inQuery: boolean): NameMeaning | undefined {
  const last = parts.at(-1);
  if (last === undefined) return undefined;
  const joined = parts.length === 1 ? last : parts.join('');
  const known = exact.get(joined) ?? (inQuery ? queryOnly.get(joined) : undefined);
  if (known !== undefined) return known;
  if (isSecret(parts, last)) return parts.includes('ssn') ? socialSecurity : secret;
  if (lastWords.has(last)) return exact.get(last);
  if (last === 'number' && parts.at(-2) === 'id') return exact.get('idnumber');
  if (joined.length < 5 || !suffixEnds.has(joined.charCodeAt(joined.length - 1))) return undefined;
  const one = last.endsWith('sses') ? joined.slice(0, -2) : singular(joined);
  for (const suffix of suffixes) {
    if (joined.endsWith(suffix) || one.endsWith(suffix)) return exact.get(suffix);
  }
  return undefined;
}

function isSecret(parts: readonly string[], last: string): boolean {
  if (isToken(parts, last)) return true;
  if (safeLastWords.has(last)) return false;
  if (last === 'authorization' && !harmlessBeforeAuthorization.has(parts.at(-2) ?? '')) return true;
  for (let i = 0; i < parts.length; i++) {
    const word = parts[i] ?? '';
    const next = parts[i + 1] ?? '';
    if (word.length < 3) continue;
    if (word === 'secret' && notOfSecret.has(next)) continue;
    if (secretWords.has(word) || secretPairs.has(word) || endsAsSecret(word)) return true;
    if (next !== '' && (secretPairs.has(word + next) || secretPairs.has(word + singular(next)))) return true;
    if (word === 'one' && next === 'time' && parts[i + 2] === 'code') return true;
  }
  return false;
}

/** `userpassword`, written as one word, and `passwordconfirm`. */
function endsAsSecret(word: string): boolean {
  if (word.length < 7) return false;
  const one = (word.endsWith('s') ? word.slice(0, -1) : word).replace(afterPassword, '$1');
  return (
    one.endsWith('password') || one.endsWith('passwd') || one.endsWith('apikey') || one.endsWith('secret')
  );
}

function singular(word: string): string {
  return word.endsWith('s') ? word.slice(0, -1) : word;
}

function isToken(parts: readonly string[], last: string): boolean {
  const one = singular(last);
  if (!one.endsWith('token')) return false;
  const before = one === 'token' ? (parts.at(-2) ?? '') : one.slice(0, -'token'.length);
  const twoBefore = (parts.at(-3) ?? '') + before;
  return !harmlessBeforeToken.has(before) && !harmlessBeforeToken.has(twoBefore);
}
