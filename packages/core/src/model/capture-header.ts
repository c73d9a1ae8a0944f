/** Which mask policy a capture was written under. */
export interface PolicySummary {
  /** `masked`: everything passed the policy before it was written. `none`: the user asked for unmasked traffic. */
  readonly mode: 'masked' | 'none';
  /** Name of the policy that was extended: `secure`, `strict`. */
  readonly name: string;
  /** SHA-256 of the policy in canonical form, in hex. */
  readonly digest: string;
  /** Tells keys apart without telling the key; `ephemeral-…` for a key that died with its process. */
  readonly keyId: string;
  /** Default rules that the user switched off. */
  readonly disabled: readonly string[];
  /** Headers that are always masked otherwise and that the user let through. Absent when there are none. */
  readonly allowed?: readonly string[];
  /** A hook saw the events before they were masked; what it gave back was masked like any other. */
  readonly hookBeforeMask?: boolean;
}

/** One of the recordings that a capture was merged from. */
export interface MergedFrom {
  /** Of that recording, as are the following. */
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly pid: number;
  readonly wallMs: number;
  readonly policy: PolicySummary;
  /** What was added to its times beyond what its own wall clock said, at its anchor, in nanoseconds. */
  readonly skewNs: number;
  /** By how much its clock was slow, in parts per million: so much more was added to each later time. */
  readonly driftPpm: number;
  /** How far off that may be, either way, in nanoseconds. Absent where nothing told: then its wall clock was believed. */
  readonly skewErrorNs?: number | undefined;
}

/** How the chunks of a capture are encrypted: by AES-256-GCM. */
export interface EncryptionNote {
  /** 16 hex digits, which tell keys apart without telling the key. */
  readonly keyId: string;
  /** 32 hex digits, random, which make the keys of each file its own. */
  readonly salt: string;
}

/** Why a capture was saved that holds the last of a recording. */
export interface SavedBecause {
  readonly reason: string;
  /** In nanoseconds since the anchor. */
  readonly at: number;
  /** Wall-clock milliseconds since 1970. */
  readonly wallMs: number;
}

/** What a capture says of itself before its first event. */
export interface CaptureHeader {
  /** 32 hex digits, random. */
  readonly id: string;
  /** Library and version that wrote it: `gardenhose/0.1.0`. */
  readonly writer: string;
  /** Name of the recorded service. */
  readonly service: string;
  readonly host: string;
  readonly pid: number;
  /** Wall-clock milliseconds since 1970 at the anchor, from which all `at` count. */
  readonly wallMs: number;
  readonly policy: PolicySummary;
  /** Policies that it was written under before it was masked again, the oldest first. Absent when there were none. */
  readonly policyHistory?: readonly PolicySummary[];
  /** Absent when the capture is not encrypted. */
  readonly encryption?: EncryptionNote;
  /** What the sampler does, in words: `always`, `ratio 0.1`. */
  readonly sampling: string;
  /** Counts the files of one rotated recording, from 0. */
  readonly part: number;
  /** The user's own notes. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * What it was merged from. Lanes of the first begin with `1:`; its ids, with n recordings, are `(id - 1) * n + 1`, and so on.
   * Absent when it was not.
   */
  readonly mergedFrom?: readonly MergedFrom[] | undefined;
  /** What made a flight recorder save it. Absent when it was written as it was recorded. */
  readonly trigger?: SavedBecause | undefined;
}
