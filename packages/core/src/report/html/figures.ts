/** `1,234,567`. */
export function count(value: number): string {
  const text = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return text.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 exchange`, `1,200 exchanges`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Milliseconds with a unit that fits: `85 µs`, `1.25 ms`, `2.4 s`, `3 min 20 s`. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 0.9995) return `${figures(ms * 1e3)} µs`;
  if (size < 999.5) return `${figures(ms)} ms`;
  if (size < 59_950) return `${figures(ms / 1e3)} s`;
  const seconds = Math.round(ms / 1e3);
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `12.5 %`; not 0 or 100 for what is not quite. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '0 %';
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.1) return '< 0.1 %';
  if (share < 100 && share > 99.9) return '> 99.9 %';
  return `${Number(share.toFixed(1))} %`;
}

/** Three significant figures, and never an exponent. */
function figures(value: number): string {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
