import { createHash } from 'node:crypto';
import type { Report } from '../report.ts';
import { html, Markup } from './markup.ts';
import {
  bindingsSection,
  differencesSection,
  operationsSection,
  problemsSection,
  statusSection,
} from './sections/findings-sections.ts';
import { runSection } from './sections/run-section.ts';
import { latencySection, loadSection, scheduleSection } from './sections/timing-section.ts';
import { tiles, verdictSection } from './sections/verdict-section.ts';
import { style } from './style.ts';

/**
 * A report as one HTML page that needs nothing else: no script, no other file, no network, and a content security policy that
 * allows none. Texts from the capture and the target stand in it as text, whatever is in them.
 *
 * @example
 * await writeFile('run.html', renderHtml(report));
 */
export function renderHtml(report: Report): string {
  const title = `Replay report: ${['fine', 'changed', 'inconclusive'][report.verdict]}`;
  const { run, environment } = report;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${policy}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<meta name="color-scheme" content="light dark"/>
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header><h1>Replay report</h1>
<p class="sub">${run !== undefined && `To ${run.target}, pace ${run.pace}, order ${run.order}. `}${environment !== undefined && `Made ${environment.madeAt.slice(0, 16).replace('T', ' ')} UTC.`}</p>
<nav aria-label="Sections"><ul>${contents
    .filter(([id]) => shown(report, id))
    .map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</header>
<main>
${verdictSection(report)}${tiles(report)}${runSection(report)}${scheduleSection(report)}${latencySection(report)}${loadSection(report)}
${operationsSection(report)}${statusSection(report)}${differencesSection(report)}${bindingsSection(report)}${problemsSection(report)}
</main>
<footer><p>Gardenhose, ${report.format}. The same figures as data: <code>--report run.json</code>.</p></footer>
</body>
</html>
`;
  return page.text;
}

const contents = [
  ['verdict', 'Verdict'],
  ['run', 'Run'],
  ['schedule', 'Send times'],
  ['latency-s', 'Latency'],
  ['load', 'In flight'],
  ['operations', 'Operations'],
  ['statuses', 'Status'],
  ['differences', 'Differences'],
  ['bindings', 'Bindings'],
  ['problems', 'Skips and errors'],
] as const;

function shown(report: Report, id: string): boolean {
  if (id === 'differences') return report.differences !== undefined;
  if (id === 'bindings') return report.bindings !== undefined;
  if (id === 'load') return report.series !== undefined;
  if (id === 'operations') return report.operations.length > 0;
  return id !== 'statuses' || report.statuses.length > 0;
}

const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`;
