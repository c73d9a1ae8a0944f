/**
 * Where a text stops being JSON, without showing any of it: it may hold a key. What `JSON.parse` says quotes the text.
 * Undefined for a text that is JSON.
 */
export function brokenJson(text: string): string | undefined {
  if (reads(text) === 'whole') return undefined;
  if (text.trim() === '') return 'it is empty';
  if (reads(text) === 'cut off') return 'it ends before it is complete';
  const lines = text.split('\n');
  // The fewest lines from the start that no end could complete.
  let sound = 0;
  let broken = lines.length;
  while (broken - sound > 1) {
    const middle = (sound + broken) >> 1;
    if (reads(lines.slice(0, middle).join('\n')) === 'broken') broken = middle;
    else sound = middle;
  }
  return `line ${broken} cannot be read`;
}

function reads(text: string): 'whole' | 'cut off' | 'broken' {
  try {
    JSON.parse(text);
    return 'whole';
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const at = /at position (\d+)/.exec(message)?.[1];
    const isCut = at === undefined ? /^Unexpected end/.test(message) : Number(at) >= text.length;
    return isCut || /^Unterminated string/.test(message) ? 'cut off' : 'broken';
  }
}
