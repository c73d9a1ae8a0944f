/** A recorded name, of which there is no limit to the length, as a report keeps it: what is beyond the limit is cut off. */
export function clipText(text: string, maxLength: number = 300): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}
