import { expect, test } from 'vitest';
import { nameMeaning, nameWords } from '../../../src/mask/value/key-words.ts';

const types = (names: string) =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, nameMeaning(name, false)?.type]);

test('splits names into words whatever their spelling', () => {
  for (const name of ['SSECustomerKey', 'sse_customer_key', 'sse-customer-key', 'Sse.Customer Key']) {
    expect(nameWords(name)).toEqual(['sse', 'customer', 'key']);
  }
  expect(nameWords('address1')).toEqual(['address', '1']);
  expect(nameWords('clé_ａｐｉ')).toEqual(['cl', 'é', 'api']);
});

test('knows names of credentials', () => {
  const names = `password userPassword user_passwd newPassword clientSecret client_secret AWSSecretAccessKey apiKey API-KEY
    x_api_key privateKeyPem accessToken refresh_token idToken sessionToken authToken csrfToken token tokens otp totpCode
    mfaCode pin cvv cvc2 jwt bearer authorization Authorization cookie sessionId session sid PHPSESSID signature
    samlResponse codeVerifier client_assertion securityCode backupCodes recoveryCode SSECustomerKey UserCode
    ConfirmationCode one_time_code sharedAccessKey signingKey encryptionKey passphrase credentials accesstoken
    userpassword masterKey hmac _csrf XSRF-TOKEN proxyAuthorization x_authorization authorizationCode connectionString
    wifi_psk SAMLAssertion tokenValue next-auth.session-token pass1 pass2 password_2 token1 access_token_1 auth[token2]
    passWord pass-phrase passCode passwordconfirm passwordconfirmation newpasswordagain`;
  const missed = types(names).filter(([, type]) => type !== 'secret');
  expect(missed).toEqual([]);
});

test('knows names of persons, payment and places by their kind', () => {
  const expected = {
    email: 'email userEmail customer.email user[email] contactEmailAddress emails email_addresses',
    phone: 'phone phoneNumber homePhoneNumber mobile msisdn workPhone phone_numbers phone1 user.phone_2',
    name: 'firstName lastName full_name customerLastName account_holder_name individual_name NickName',
    user: 'username twitter_username adminUserName',
    account: 'account_numbers bacs_sort_code refund_routing_number',
    card: 'cardNumber creditCard pan billingCardNumber',
    iban: 'iban sender_iban',
    'birth-date': 'dob dateOfBirth dates_of_birth',
    ssn: 'ssn socialSecurityNumber',
    'national-id': 'passportNumber taxId company_tax_ids employer_id_number',
    address:
      'street zip postalCode billingPostalCode sender_address_line1 billing_address line1 street_2 shipping_zip',
    geo: 'lat longitude',
    ip: 'ip clientIp remoteIpAddress',
    device: 'imei deviceId macAddress',
  };
  for (const [type, names] of Object.entries(expected)) {
    for (const [name, found] of types(names)) expect([name, found]).toEqual([name, type]);
  }
});

test('leaves names that only sound like it', () => {
  const names = `monkey keyboard keyword objectKey author authorized authority resident assignees design wildcard secretary
    passenger passengers compass bypass nextToken next_page_token continuationToken maxTokens totalTokens
    prompt_tokens passwordPolicy passwordLastChanged tokenType token_type tokenExpiry passwordLength secretName
    cookiePolicy pinned pinterest spinning mailbox zipped zipfile latest platform template flat street_scanning
    secret_scanning secret_scanning_push_protection extended_authorization authorization_decision nextForwardToken
    apiKeySource passwordLastUsed credential_usage exclude_secret_types paid_number logins sessions addresses caliban
    id name title total status description code state key createdAt host hostname`;
  expect(types(names).filter(([, type]) => type !== undefined)).toEqual([]);
});

test('knows short names of queries only there, and only with long values', () => {
  expect(nameMeaning('code', true)).toMatchObject({ type: 'secret', minLength: 10 });
  expect(nameMeaning('key', true)).toMatchObject({ minLength: 16 });
  expect(nameMeaning('X-Amz-Signature', true)?.type).toBe('secret');
  expect(nameMeaning('code', false)).toBeUndefined();
});

test('takes time by the length of a name and no more', () => {
  expect(nameMeaning('a'.repeat(1_000_000), false)).toBeUndefined();
  expect(nameMeaning(`${'x.'.repeat(500_000)}password`, false)).toBeUndefined();
});

test('the words in a token mean nothing', () => {
  for (const name of [
    'mk_secret_PRPn51cIpSol2mwF',
    'ids[mk_secret_PRPn51cIpSol2mwF]',
    'by.mk_email_PRPn51cIpSol2mwF',
  ])
    expect([name, nameMeaning(name, true)]).toEqual([name, undefined]);
  for (const name of [
    'mk_secret_PRPn51cIpSol2mwF.password',
    'password[mk_value_PRPn51cIpSol2mwF]',
    'mk_secret',
  ])
    expect([name, nameMeaning(name, true)?.type]).toEqual([name, 'secret']);
});
