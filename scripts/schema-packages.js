// Loads every .proto file of large public packages as `schemasFromProto` does, and compiles all that is made of schemas: the plan
// by which each message is masked, and its view as JSON, with every field filled. Needs npm and its registry (about 100 MB);
// run `npm run schemas:packages`. With names of packages behind it, only those. Ends with 1 when something fails; files
// that import what their package does not have are told apart.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { rewriteMessage, SchemaRegistry, viewMessage } from '../packages/core/dist/index.js';
import { resolvePolicy } from '../packages/core/dist/mask/policy/resolve-policy.js';
import { MessagePlans } from '../packages/core/dist/mask/protobuf/message-plan.js';
import { anyExchange } from '../packages/core/dist/mask/rules/rule-context.js';
import { PolicyRules } from '../packages/core/dist/mask/rules/rules.js';
import { schemasFromProto } from '../packages/grpc-adapter/dist/index.js';

/**
 * @typedef {object} Corpus
 * @property {string} name
 * @property {string} version
 * @property {readonly string[]} roots - where names of imports begin
 */

/** @type {readonly Corpus[]} */
const corpora = [
  { name: '@hashgraph/proto', version: '2.25.0', roots: ['src/proto'] },
  { name: 'google-proto-files', version: '5.0.3', roots: ['.', 'google/protobuf/compiler/ruby'] },
  {
    name: '@grpc/grpc-js-xds',
    version: '1.14.1',
    roots: [
      'deps/envoy-api',
      'deps/xds',
      'deps/googleapis',
      'deps/protoc-gen-validate',
      'deps/cel-spec/proto',
      'deps/opencensus-proto/src',
    ],
  },
];
/** Files that are loaded as one set, with all that they import. */
const filesAtOnce = 100;

/** @param {string} folder @returns {string[]} */
function protosIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.proto'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(folder, path).split('/').includes('node_modules'))
    .sort();
}

/** @type {Readonly<Record<string, import('@gardenhose/core').JsonValue>>} */
const samples = {
  double: 1.5,
  float: 0.25,
  int64: '-9007199254740993',
  uint64: '18446744073709551615',
  int32: -7,
  fixed64: '1',
  fixed32: 4294967295,
  bool: true,
  string: 'text',
  bytes: 'AAH/',
  uint32: 4294967295,
  sfixed32: -1,
  sfixed64: '-1',
  sint32: -2,
  sint64: '-3',
};

/**
 * A view with every field filled, messages within to a depth of two. Types with a JSON form of their own are left to be empty.
 *
 * @param {SchemaRegistry} registry
 * @param {string} name
 * @param {number} depth
 * @returns {import('@gardenhose/core').JsonValue}
 */
function filled(registry, name, depth) {
  const type = registry.message(name);
  const empty = viewMessage(registry, name, new Uint8Array(0));
  if (type === undefined || !('value' in empty)) return {};
  if (JSON.stringify(empty.value) !== '{}' || ownForm.test(name)) return empty.value;
  const oneofs = new Set();
  /** @type {import('@gardenhose/core').JsonObject} */
  const view = {};
  for (const field of type.fields) {
    if (field.oneof >= 0 && oneofs.has(field.oneof)) continue;
    if (field.oneof >= 0) oneofs.add(field.oneof);
    const key = field.isExtension ? `[${field.fullName}]` : field.name;
    const value = sampleOf(registry, field, depth);
    if (value === undefined) continue;
    const entry = field.kind === 'message' ? registry.message(field.typeName) : undefined;
    if (entry?.isMapEntry) view[key] = mapOf(registry, entry, depth);
    else view[key] = field.repeated ? [value, value] : value;
  }
  return view;
}
const ownForm = /^google\.protobuf\.(?:Any|Timestamp|Duration|FieldMask|Struct|Value|ListValue|\w+Value)$/;

/** @param {SchemaRegistry} registry @param {import('@gardenhose/core').FieldType} field @param {number} depth */
function sampleOf(registry, field, depth) {
  if (field.kind === 'message') return depth > 0 ? filled(registry, field.typeName, depth - 1) : undefined;
  if (field.type !== 'enum') return samples[field.type];
  const names = registry.enum(field.typeName)?.names;
  return names === undefined ? 1 : ([...names.values()].at(-1) ?? 0);
}

/** @param {SchemaRegistry} registry @param {import('@gardenhose/core').MessageType} entry @param {number} depth */
function mapOf(registry, entry, depth) {
  const [key, value] = entry.fields;
  if (key === undefined || value === undefined) return {};
  const sample = sampleOf(registry, value, depth);
  return sample === undefined ? {} : { [String(sampleOf(registry, key, 0))]: sample };
}

class Tally {
  files = 0;
  messages = 0;
  fields = 0;
  methods = 0;
  redacted = 0;
  /** Files that declare nothing, but options or comments. */
  empty = 0;
  withOptions = 0;
  /** @type {string[]} */
  failures = [];
  /** Files that are imported, and that the package does not have. @type {Set<string>} */
  missing = new Set();
  #seen = new Set();
  #rules = new PolicyRules(resolvePolicy({ version: 1 })).select(anyExchange);

  /** @param {Uint8Array} set */
  add(set) {
    const registry = new SchemaRegistry();
    if (!registry.add(set)) this.failures.push('a set is refused by the registry');
    const plans = new MessagePlans(registry, this.#rules);
    for (const name of registry.messageNames()) {
      if (this.#seen.has(name)) continue;
      this.#seen.add(name);
      this.messages++;
      try {
        this.#plan(registry, plans, name);
        this.#view(registry, name);
      } catch (error) {
        this.failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  /** @param {SchemaRegistry} registry @param {MessagePlans} plans @param {string} name */
  #plan(registry, plans, name) {
    const plan = plans.of(name);
    if (plan === undefined) throw new Error('it has no plan');
    void plan.isIdle;
    for (const field of plan.type.fields) {
      this.fields++;
      const own = plan.field(field.number);
      if (own === undefined) throw new Error(`${field.name} has no plan`);
      if (field.kind === 'message' && own.plan === undefined)
        throw new Error(`${field.typeName} is not known`);
      if (registry.isRedacted(field)) this.redacted++;
      const options = field.options.filter(({ number }) => number >= 1000);
      if (options.length > 0) this.withOptions++;
      if (registry.optionsOf(field).length < options.length)
        throw new Error(`${field.name} has options of no name`);
    }
  }

  /** @param {SchemaRegistry} registry @param {string} name */
  #view(registry, name) {
    const view = filled(registry, name, 2);
    const written = rewriteMessage(registry, name, new Uint8Array(0), view);
    if (!('bytes' in written)) throw new Error(`its view cannot be written: ${JSON.stringify(written)}`);
    const read = viewMessage(registry, name, written.bytes);
    if (!('value' in read)) throw new Error(`it cannot be viewed: ${read.problem}`);
    if (read.unread.length > 0) throw new Error('its view leaves something out');
    const again = rewriteMessage(registry, name, written.bytes, read.value);
    if (!('bytes' in again) || !Buffer.from(again.bytes).equals(written.bytes))
      throw new Error('its view does not lead back to it');
  }
}

/** @param {Corpus} corpus @param {string} folder */
async function load({ name, version, roots }, folder) {
  const options = [
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--loglevel=error',
  ];
  execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], {
    stdio: 'inherit',
  });
  const base = join(folder, 'node_modules', name);
  const importPaths = roots.map((root) => join(base, root));
  const tally = new Tally();
  const begun = performance.now();
  const all = protosIn(base);
  /** @param {readonly string[]} files */
  const take = async (files) => {
    try {
      tally.add(await schemasFromProto(files, { importPaths }));
      tally.files += files.length;
    } catch (error) {
      if (files.length > 1) {
        for (const file of files) await take([file]);
        return;
      }
      const [file = ''] = files;
      const message = error instanceof Error ? error.message.replaceAll(`${base}/`, '') : String(error);
      if (message.includes('describes nothing')) {
        tally.empty++;
        return;
      }
      const missing = / imports (\S+), which is not found/.exec(message)?.[1];
      // What the package itself does not have, no reader can find.
      if (missing === undefined || all.some((path) => path.endsWith(`/${missing}`)))
        tally.failures.push(`${relative(base, file)}: ${message}`);
      else tally.missing.add(missing);
    }
  };
  for (let i = 0; i < all.length; i += filesAtOnce) await take(all.slice(i, i + filesAtOnce));
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${name} ${version}: ${tally.files} of ${all.length} files, ${tally.messages} messages with ${tally.fields} fields, ` +
      `${tally.withOptions} of them with custom options and ${tally.redacted} redacted: ${tally.failures.length} failures (${seconds} s)`,
  );
  if (tally.empty > 0) console.log(`  files that declare nothing: ${tally.empty}`);
  if (tally.missing.size > 0) {
    const names = [...tally.missing].sort();
    const shown = `${names.slice(0, 3).join(', ')} and so on, ${names.length} in all`;
    console.log(`  the other files import what the package does not have: ${shown}`);
  }
  for (const text of tally.failures.slice(0, 50)) console.log(`  ${text.slice(0, 300)}`);
  return tally.failures.length;
}

const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'schema-packages-'));
let failures = 0;
try {
  for (const corpus of corpora) {
    if (wanted.length === 0 || wanted.includes(corpus.name)) failures += await load(corpus, folder);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;
