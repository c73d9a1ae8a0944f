import type { PolicySummary } from '../model/capture-header.ts';

/**
 * Says in a sentence why masked values of a capture cannot be joined with those of another masking, such as the live
 * answers that a comparison masks; undefined where they can.
 *
 * @example
 * const note = keyNote(capture.header.policy, masker.summary);
 * if (note !== undefined) console.error(note);
 */
export function keyNote(recorded: PolicySummary, masking: PolicySummary): string | undefined {
  if (recorded.mode === 'none' || masking.mode === 'none') return undefined;
  if (recorded.keyId === masking.keyId) {
    return recorded.digest === masking.digest
      ? undefined
      : 'the capture was masked by another policy than is used now: values that only one of them masks cannot be compared; give the policy of the recording';
  }
  const both = `the tokens of the capture were made with the key ${recorded.keyId}, those of now with ${masking.keyId}, so they do not join: of masked values only the kinds are compared`;
  return recorded.keyId.startsWith('ephemeral-')
    ? `${both}; that key ended with its recording, since none was given: record with a mask key to compare masked values`
    : `${both}; give the key of the recording, or name it in the list of the policy's keys`;
}
