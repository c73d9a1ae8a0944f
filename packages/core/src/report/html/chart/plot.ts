import { html, type Markup } from '../markup.ts';
import type { Scale } from './scale.ts';

/** The part of a picture in which the marks stand. */
export interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface PlotOptions {
  /** Within the page, for what names the picture. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence, for those who do not see it. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly marks: readonly Markup[];
}

/** Where the marks stand in a picture of this size. */
export function plotArea(width: number, height: number): Area {
  return { left: 64, right: width - 14, top: 22, bottom: height - 38 };
}

/** A picture with axes and a grid. It scales with the page. */
export function plot(options: PlotOptions): Markup {
  const { id, title, description, width, height, x, y, xLabel, yLabel, marks } = options;
  const { left, right, bottom } = plotArea(width, height);
  const rows = y.ticks.map(({ value, label }) => {
    const at = place(y.at(value));
    return html`<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick" x="${left - 8}" y="${at}" dy="4" text-anchor="end">${label}</text>`;
  });
  const columns = x.ticks.map(({ value, label }) => {
    const at = place(x.at(value));
    return html`<line class="axis" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/><text class="tick" x="${at}" y="${bottom + 17}" text-anchor="${at > right - 20 ? 'end' : 'middle'}">${label}</text>`;
  });
  return html`<svg class="plot" role="img" aria-labelledby="${id}-t ${id}-d" viewBox="0 0 ${width} ${height}" xmlns="http://www.w3.org/2000/svg">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
${rows}${columns}
<text class="label" x="0" y="11">${yLabel}</text>
<text class="label" x="${right}" y="${height - 4}" text-anchor="end">${xLabel}</text>
${marks}
<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
</svg>
`;
}

/** A coordinate, to a tenth of a unit. */
export function place(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line through points; a gap ends it and begins another. */
export function line(tone: string, points: readonly (Point | undefined)[]): Markup {
  let path = '';
  let open = false;
  for (const [i, point] of points.entries()) {
    if (point === undefined) {
      open = false;
      continue;
    }
    path += `${open ? 'L' : 'M'}${place(point.x)} ${place(point.y)}`;
    // One that stands alone is a dot, which a line without length is not.
    if (!open && points[i + 1] === undefined) path += 'h0.1';
    open = true;
  }
  return html`<path class="line ${tone}" d="${path}"/>`;
}

/** A line in steps: each value holds from its place to the next, the last to `end`. */
export function steps(tone: string, points: readonly Point[], end: number, base?: number): Markup {
  const [first] = points;
  if (first === undefined) return html``;
  let path = base === undefined ? '' : `M${place(first.x)} ${place(base)}`;
  for (const [i, { x, y }] of points.entries()) {
    path += `${path === '' ? 'M' : 'L'}${place(x)} ${place(y)}H${place(points[i + 1]?.x ?? end)}`;
  }
  return base === undefined
    ? html`<path class="line ${tone}" d="${path}"/>`
    : html`<path class="area ${tone}" d="${path}V${place(base)}Z"/>`;
}

/** What a tone of a picture stands for. */
export interface LegendEntry {
  readonly tone: string;
  readonly name: string;
  /** Default a line. */
  readonly shape?: 'line' | 'dot' | undefined;
}

export function legend(entries: readonly LegendEntry[]): Markup {
  return html`<ul class="legend">${entries.map(({ tone, name, shape }) => {
    const key =
      shape === 'dot'
        ? html`<circle class="dot ${tone}" cx="11" cy="5" r="4"/>`
        : html`<line class="line ${tone}" x1="1" x2="21" y1="5" y2="5"/>`;
    return html`<li><svg class="key" viewBox="0 0 22 10" aria-hidden="true">${key}</svg>${name}</li>`;
  })}</ul>`;
}
