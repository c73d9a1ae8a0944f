import { GardenhoseError } from '../errors.ts';
import type {
  CaptureHeader,
  EncryptionNote,
  MergedFrom,
  PolicySummary,
  SavedBecause,
} from '../model/capture-header.ts';
import { saltBytes } from './encryption.ts';
import { Fields, InvalidRecord } from './fields.ts';
import { ciphers, formatVersion, limits } from './format.ts';
import { invalid, type Packable, pack, real, signed, text, uint, unpack } from './packing.ts';
import { RecordCursor } from './record-cursor.ts';

/** Features that a capture may ask of its reader. */
const encryptedFeature = 'encrypted';
const knownFeatures: readonly string[] = [encryptedFeature];

const keyIdForm = /^[0-9a-f]{16}$/;
const hexId = /^[0-9a-f]{32}$/;

/** The payload of the HEADER frame. */
export function encodeHeader(header: CaptureHeader, sync: Uint8Array): Uint8Array {
  if (!hexId.test(header.id)) throw invalid('header.id', 'of 32 hexadecimal digits');
  const { policyHistory: history = [], mergedFrom = [], encryption, trigger } = header;
  const payload = pack([
    formatVersion,
    encryption === undefined ? [] : [encryptedFeature],
    sync,
    Buffer.from(header.id, 'hex'),
    text(header.writer, 'header.writer'),
    real(header.wallMs, 'header.wallMs'),
    text(header.service, 'header.service'),
    text(header.host, 'header.host'),
    uint(header.pid, 'header.pid'),
    policyFields(header.policy),
    text(header.sampling, 'header.sampling'),
    uint(header.part, 'header.part'),
    Object.entries(header.tags).flatMap(([name, value]) => [
      text(name, 'header.tags'),
      text(value, 'header.tags'),
    ]),
    ...withoutEmptyEnd([
      history.map(policyFields),
      mergedFrom.map(mergedFields),
      encryption === undefined
        ? []
        : [
            ciphers.aes256gcm,
            text(encryption.keyId, 'header.encryption.keyId'),
            Buffer.from(encryption.salt, 'hex'),
          ],
      trigger === undefined
        ? []
        : [
            text(trigger.reason, 'header.trigger.reason'),
            uint(trigger.at, 'header.trigger.at'),
            real(trigger.wallMs, 'header.trigger.wallMs'),
          ],
    ]),
  ]);
  if (payload.length > limits.headerPayload) {
    throw new GardenhoseError(
      'capture-limit',
      `The capture's header takes ${payload.length} bytes, at most ${limits.headerPayload} fit: use fewer or shorter tags`,
    );
  }
  return Uint8Array.from(payload);
}

/** What a header has seldom stands at its end, and is left out there. */
function withoutEmptyEnd(lists: Packable[][]): Packable[][] {
  return lists.slice(0, lists.findLastIndex((list) => list.length > 0) + 1);
}

/** Earlier policies that a header may name. */
const mostPolicies = 256;

/** What is as nearly always, at the end, is left out. */
function policyFields(policy: PolicySummary): Packable[] {
  const { allowed = [], hookBeforeMask = false } = policy;
  const fields: Packable[] = [
    policy.mode === 'masked' ? 1 : 0,
    text(policy.name, 'policy.name'),
    text(policy.digest, 'policy.digest'),
    text(policy.keyId, 'policy.keyId'),
    policy.disabled.map((rule) => text(rule, 'policy.disabled')),
  ];
  if (allowed.length > 0 || hookBeforeMask) {
    fields.push(
      allowed.map((name) => text(name, 'policy.allowed')),
      hookBeforeMask,
    );
  }
  return fields;
}

/** Recordings that a header may name. */
export const mostMerged = 64;

function mergedFields({ skewErrorNs, ...from }: MergedFrom): Packable[] {
  return [
    Buffer.from(from.id, 'hex'),
    text(from.service, 'header.mergedFrom.service'),
    text(from.host, 'header.mergedFrom.host'),
    uint(from.pid, 'header.mergedFrom.pid'),
    real(from.wallMs, 'header.mergedFrom.wallMs'),
    policyFields(from.policy),
    signed(from.skewNs, 'header.mergedFrom.skewNs'),
    signed(from.driftPpm, 'header.mergedFrom.driftPpm'),
    ...(skewErrorNs === undefined ? [] : [real(skewErrorNs, 'header.mergedFrom.skewErrorNs')]),
  ];
}

/**
 * Reads the payload of a HEADER frame.
 *
 * @throws GardenhoseError `capture-version` or `capture-feature` when a newer reader is needed, `capture-damaged` when
 *   it is not a header
 */
export function decodeHeader(payload: Uint8Array, subject: string): CaptureHeader {
  const cursor = new RecordCursor(payload);
  const fault = payload.length > limits.headerPayload ? 'too long' : cursor.next(false);
  if (fault !== undefined) throw damaged(subject, fault);
  try {
    const fields = new Fields(unpack(payload, cursor.start, cursor.end), 'header', 0);
    const version = fields.uint();
    if (version !== formatVersion) {
      throw new GardenhoseError(
        'capture-version',
        `${subject} is a capture of format version ${version}; this release reads version ${formatVersion}: use a newer one`,
        { subject },
      );
    }
    for (const feature of fields.wireList(64, false)) {
      if (!knownFeatures.includes(feature))
        throw unsupported(subject, `the feature ${JSON.stringify(feature)}`);
    }
    if (fields.bytes().length !== 8) throw new InvalidRecord('the sync mark is not 8 bytes');
    const id = fields.bytes();
    if (id.length !== 16) throw new InvalidRecord('the id is not 16 bytes');
    const decoded: CaptureHeader = {
      id: Buffer.from(id).toString('hex'),
      writer: fields.text(),
      wallMs: fields.real(),
      service: fields.text(),
      host: fields.text(),
      pid: fields.uint(),
      policy: policy(fields.list()),
      sampling: fields.text(),
      part: fields.uint(),
      tags: tags(fields.wireList(limits.headerItems, true)),
    };
    const history = fields.optionalList();
    if (history.length > mostPolicies) throw new InvalidRecord('too many earlier policies');
    const merged = fields.optionalList();
    if (merged.length > mostMerged) throw new InvalidRecord('merged from too many captures');
    const note = encryption(fields.optionalList());
    const because = savedBecause(fields.optionalList());
    return {
      ...decoded,
      ...(history.length === 0 ? {} : { policyHistory: history.map(earlierPolicy) }),
      ...(merged.length === 0 ? {} : { mergedFrom: merged.map(mergedFrom) }),
      ...(note === undefined ? {} : { encryption: note }),
      ...(because === undefined ? {} : { trigger: because }),
    };
  } catch (error) {
    if (error instanceof InvalidRecord) throw damaged(subject, error.message);
    throw error;
  }
}

/** The header of a capture whose own is lost. It promises nothing: not even that anything was masked. */
export const lostHeader: CaptureHeader = {
  id: '0'.repeat(32),
  writer: 'unknown',
  service: 'unknown',
  host: 'unknown',
  pid: 0,
  wallMs: 0,
  policy: { mode: 'none', name: 'unknown', digest: '', keyId: '', disabled: [] },
  sampling: 'unknown',
  part: 0,
  tags: {},
};

/** A capture needs something of its reader that this release does not have. */
export function unsupported(subject: string, what: string): GardenhoseError {
  return new GardenhoseError(
    'capture-feature',
    `${subject} needs ${what}, which this release does not have`,
    {
      subject,
    },
  );
}

function policy(values: readonly unknown[]): PolicySummary {
  const fields = new Fields(values, 'policy', 0);
  const summary: PolicySummary = {
    mode: fields.uint() === 1 ? 'masked' : 'none',
    name: fields.text(),
    digest: fields.text(),
    keyId: fields.text(),
    disabled: fields.wireList(limits.headerItems, false),
  };
  const allowed = fields.optionalWireList(limits.headerItems);
  const hookBeforeMask = fields.optionalBool();
  return {
    ...summary,
    ...(allowed.length > 0 ? { allowed } : {}),
    ...(hookBeforeMask ? { hookBeforeMask } : {}),
  };
}

/** @throws GardenhoseError `capture-feature` for a cipher that this release does not have */
function encryption(values: readonly unknown[]): EncryptionNote | undefined {
  if (values.length === 0) return undefined;
  const fields = new Fields(values, 'encryption', 0);
  const cipher = fields.uint();
  if (cipher !== ciphers.aes256gcm) throw unsupported('The capture', `cipher ${cipher}`);
  const keyId = fields.text();
  const salt = fields.bytes();
  if (!keyIdForm.test(keyId) || salt.length !== saltBytes) {
    throw new InvalidRecord('the key id is not 16 hexadecimal digits, or the salt not 16 bytes');
  }
  return { keyId, salt: Buffer.from(salt).toString('hex') };
}

function savedBecause(values: readonly unknown[]): SavedBecause | undefined {
  if (values.length === 0) return undefined;
  const fields = new Fields(values, 'trigger', 0);
  return { reason: fields.text(), at: fields.uint(), wallMs: fields.real() };
}

function earlierPolicy(value: unknown): PolicySummary {
  if (!Array.isArray(value)) throw new InvalidRecord('an earlier policy is not a list');
  return policy(value);
}

function mergedFrom(value: unknown): MergedFrom {
  if (!Array.isArray(value)) throw new InvalidRecord('what it was merged from is not a list');
  const fields = new Fields(value, 'mergedFrom', 0);
  const id = fields.bytes();
  if (id.length !== 16) throw new InvalidRecord('an id of what it was merged from is not 16 bytes');
  const from: MergedFrom = {
    id: Buffer.from(id).toString('hex'),
    service: fields.text(),
    host: fields.text(),
    pid: fields.uint(),
    wallMs: fields.real(),
    policy: policy(fields.list()),
    skewNs: fields.signed(),
    driftPpm: fields.signed(),
  };
  return value.length > 8 ? { ...from, skewErrorNs: fields.real() } : from;
}

/** Made with `fromEntries`, which defines properties: a tag named `__proto__` stays a tag. */
function tags(list: readonly string[]): Record<string, string> {
  const entries: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) entries.push([list[i] ?? '', list[i + 1] ?? '']);
  return Object.fromEntries(entries);
}

function damaged(subject: string, why: string): GardenhoseError {
  return new GardenhoseError('capture-damaged', `The header of ${subject} is damaged: ${why}`, { subject });
}
