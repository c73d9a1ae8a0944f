// Runs benchmarks: `npm run bench -- NAME [--quick] [--json]`, `--list`, `--all`, `--all --write`.
// A benchmark is a file beside this one that exports `name`, `description`, `run({ quick })`, which gives measures, and
// where the figures need it `notes`, for the page.
import { execFile } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

/**
 * One figure. `target` is what it must reach, in words; `ok` whether it did. A measure that misses its target is shown
 * like any other, with `ok: false`.
 * @typedef {{ name: string, value: number, unit: string, target?: string | number, ok?: boolean }} Measure
 * @typedef {{ name: string, description: string, notes?: string, run(options: { quick: boolean }): Promise<Measure[]> }} Benchmark
 * @typedef {{ name: string, machine: string, quick: boolean, measures: Measure[] }} Result
 */

const usage = `Usage: npm run bench -- NAME [--quick] [--json]
       npm run bench -- --list
       npm run bench -- --all [--quick] [--write]

  --quick  ends within 40 seconds; its figures are rougher
  --json   prints one document: { name, machine, quick, measures: [{ name, value, unit, target?, ok? }] }
  --list   names the benchmarks
  --all    runs all of them, one after the other, each in a process of its own
  --write  with --all: writes docs/benchmarks.md from the run

Exit code: 0 when the measuring went through, whether or not targets were reached (each measure says so itself),
1 when it failed, 64 for wrong usage.`;

/** @returns {Promise<Benchmark[]>} */
async function loadAll() {
  const files = readdirSync(new URL('.', import.meta.url)).filter(
    (file) => file.endsWith('.js') && file !== 'run.js',
  );
  const loaded = await Promise.all(files.sort().map((file) => import(`./${file}`)));
  return loaded.map((module, index) => {
    if (typeof module.run !== 'function' || `${module.name}.js` !== files[index]) {
      throw new Error(`bench/${files[index]} must export run() and its own name, found "${module.name}"`);
    }
    return module;
  });
}

function machine() {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${availableParallelism()} x ${model}, ${gigabytes} GiB, ${platform()} ${release()} ${arch()}, Node ${process.version}`;
}

/**
 * @param {Benchmark} benchmark
 * @param {boolean} quick
 * @returns {Promise<Result>}
 */
async function measure(benchmark, quick) {
  const measures = await benchmark.run({ quick });
  for (const { name, value } of measures) {
    if (!Number.isFinite(value)) throw new Error(`${benchmark.name}: measure "${name}" has no value`);
  }
  return { name: benchmark.name, machine: machine(), quick, measures };
}

/**
 * In a process of its own: compiled code that has served one benchmark is not what another would find by itself.
 * @param {Benchmark} benchmark
 * @param {boolean} quick
 * @returns {Promise<Result>}
 */
async function measureApart({ name }, quick) {
  const args = [fileURLToPath(import.meta.url), name, '--json', ...(quick ? ['--quick'] : [])];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout);
}

/** @param {number} value */
const figure = (value) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4))));
/** @param {Measure} measure */
const verdict = ({ ok }) => (ok === undefined ? '' : ok ? 'reached' : 'MISSED');

/** @param {Result} result */
function asText(result) {
  const rows = result.measures.map((m) => [
    m.name,
    `${figure(m.value)} ${m.unit}`,
    m.target === undefined ? '' : `target ${m.target}`,
    verdict(m),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [`${result.name} (${result.quick ? 'quick' : 'full'}; ${result.machine})`, ...lines].join('\n');
}

/**
 * @param {Result[]} results
 * @param {Benchmark[]} benchmarks
 */
function asPage(results, benchmarks) {
  const lines = [
    '# Benchmarks',
    '',
    `Written by \`npm run bench -- --all${results[0]?.quick ? ' --quick' : ''} --write\`; do not edit. Each figure comes from that one run, on this machine:`,
    `${results[0]?.machine}.`,
  ];
  for (const result of results) {
    const { description = '', notes } = benchmarks.find(({ name }) => name === result.name) ?? {};
    lines.push(
      '',
      `## ${result.name}`,
      '',
      description,
      ...(notes === undefined ? [] : ['', notes]),
      '',
      '| measure | value | target | |',
      '|---|---|---|---|',
    );
    for (const m of result.measures) {
      lines.push(`| ${m.name} | ${figure(m.value)} ${m.unit} | ${m.target ?? ''} | ${verdict(m)} |`);
    }
    if (result.quick) lines.push('', 'Measured with `--quick`.');
  }
  return `${lines.join('\n')}\n`;
}

/** @param {string[]} args */
async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);

  const benchmarks = await loadAll();
  if (values.list) {
    const width = Math.max(0, ...benchmarks.map(({ name }) => name.length));
    for (const { name, description } of benchmarks) console.log(`${name.padEnd(width)}  ${description}`);
    return;
  }
  const chosen = values.all ? benchmarks : benchmarks.filter(({ name }) => positionals.includes(name));
  const wrongUse =
    (values.all ? positionals.length > 0 || values.json : positionals.length !== 1 || values.write) ||
    chosen.length === 0;
  if (wrongUse) {
    const names = benchmarks.map(({ name }) => name).join(', ');
    console.error(`${usage}\n\nExpected one name of: ${names}; found: ${positionals.join(' ') || 'none'}`);
    process.exitCode = 64;
    return;
  }

  /** @type {Result[]} */
  const results = [];
  for (const benchmark of chosen) {
    const result = await (values.all ? measureApart : measure)(benchmark, values.quick);
    results.push(result);
    console.log(values.json ? JSON.stringify(result) : asText(result));
  }
  if (values.write) {
    writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), asPage(results, benchmarks));
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const wrongFlag =
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  console.error(wrongFlag ? `${error.message}\n\n${usage}` : error);
  process.exitCode = wrongFlag ? 64 : 1;
}
