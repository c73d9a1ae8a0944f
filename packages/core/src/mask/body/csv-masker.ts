import { isUtf8 } from 'node:buffer';
import { Edits } from '../json/edits.ts';
import { accepting, type MaskRule, stringBit } from '../policy/mask-rule.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import type { ContentType } from './content-type.ts';
import { type CsvCell, CsvReader } from './csv.ts';

const separators = [',', ';', '\t', '|'];
/** Titles and the like may stand above the row of names. */
const rowsAbove = 20;
const longestName = 64;
const shortestName = 2;
/** No detector finds anything in fewer bytes. */
const shortestFind = 5;
const namePattern = /^\s*\p{L}[\p{L}\p{N} _./#()[\]-]*$/u;
const longestHead = 16 * 1024;
const namesRemembered = 1000;

/**
 * Masks tables: a column's name decides for its cells as the name of a JSON member would, and all other cells are masked
 * by how they look.
 */
export class CsvMasker {
  readonly #scope: Scope;
  readonly #text: TextMasker;

  constructor(scope: Scope, text: TextMasker) {
    this.#scope = scope;
    this.#text = text;
  }

  /** The replacements, or why there are none. */
  edits(bytes: Buffer, start: number, end: number, type: ContentType): Edits | string {
    const { separator, from } = look(bytes, start, end, type.mediaType);
    // One that holds as many of two separators could be read by either.
    if (separator === undefined) return 'csv';
    return new Table(this.#scope, this.#text, bytes, separator, !type.headless).edits(from, end);
  }
}

class Table {
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #bytes: Buffer;
  readonly #separator: string;
  readonly #hasNames: boolean;
  #isUtf8 = true;
  readonly #pairs: boolean;
  readonly #named = new Map<string, MaskRule | undefined>();
  readonly #edits = new Edits();
  /** By column; as many as the row of names has cells. */
  #columns: (MaskRule | undefined)[] = [];
  /** Some column is masked, so that a cell in the wrong place matters. */
  #isSensitive = false;

  constructor(scope: Scope, text: TextMasker, bytes: Buffer, separator: string, hasNames: boolean) {
    this.#scope = scope;
    this.#text = text;
    this.#bytes = bytes;
    this.#separator = separator;
    this.#hasNames = hasNames;
    this.#pairs = scope.rules.enabled('default/pair');
  }

  edits(start: number, end: number): Edits | string {
    this.#isUtf8 = isUtf8(this.#bytes.subarray(start, end));
    const reader = new CsvReader(this.#bytes, start, end, this.#separator.charCodeAt(0));
    for (let row = 0; reader.next(); row++) this.#row(reader.cells, row);
    return reader.isBroken ? 'csv' : this.#edits;
  }

  #row(cells: readonly CsvCell[], row: number): void {
    const isUneven = cells.length !== this.#columns.length;
    const isOfNames = row === 0 && cells.every((cell) => this.#mayBeName(cell));
    // Whoever sends a table could say that it names nothing: a first row that could be one of names is taken for it.
    const mayName = this.#hasNames ? isUneven || row < rowsAbove : isOfNames;
    const named = (mayName ? cells : cells.slice(0, 2)).map((cell) => this.#ruleOf(cell, row === 0));
    const count = named.filter((rule) => rule !== undefined).length;
    // A separator that is not quoted, or a missing one: no cell can be told to be what its column says.
    const isUnclear = row > 0 && isUneven && this.#isSensitive;
    // `password,hunter2`
    const pair = row > 0 && count === 1 && this.#pairs ? named.findIndex((rule) => rule !== undefined) : -1;
    // Of a row that says it is of names, and could be, nothing is masked for being a value.
    const isHead = isOfNames && this.#hasNames;
    const otherwise = isHead ? undefined : this.#scope.rules.otherwise;
    for (const [column, cell] of cells.entries()) {
      const byName = pair >= 0 && column !== pair ? asPair(named[pair]) : undefined;
      this.#cell(cell, byName ?? this.#columns[column] ?? otherwise, isUnclear && !(mayName && count > 1));
    }
    if (mayName && (row === 0 || count > 0)) this.#names(named);
  }

  #mayBeName(cell: CsvCell): boolean {
    const length = cell.end - cell.start;
    return (
      length === 0 || (length <= longestName && namePattern.test(this.#read(cell).replace(/^\ufeff/, '')))
    );
  }

  #names(named: readonly (MaskRule | undefined)[]): void {
    const before = this.#columns;
    this.#columns = named.map((rule, i) => rule ?? (named.length === before.length ? before[i] : undefined));
    this.#isSensitive ||= named.some((rule) => rule !== undefined && rule.action !== 'keep');
  }

  /** The rule for what is named as this cell says. */
  #ruleOf(cell: CsvCell, isHead: boolean): MaskRule | undefined {
    const length = cell.end - cell.start;
    if (length === 0 || length > longestName || (!isHead && length < shortestName)) return undefined;
    const name = this.#read(cell);
    if (!isHead && !namePattern.test(name)) return undefined;
    if (!this.#named.has(name)) {
      if (this.#named.size >= namesRemembered) this.#named.clear();
      this.#named.set(name, this.#scope.rules.jsonName(name.trim()));
    }
    return this.#named.get(name);
  }

  #cell(cell: CsvCell, given: MaskRule | undefined, isUnclear: boolean): void {
    if (cell.start === cell.end) return;
    const rule = accepting(given, stringBit);
    if (isUnclear) {
      const text = this.#read(cell);
      this.#replace(cell, text, this.#text.undecodable(text, 0));
    } else if (rule?.action === 'remove') {
      this.#scope.count(rule.id, this.#read(cell));
      this.#edits.add(cell.start, cell.end, '');
    } else if (rule !== undefined && rule.action !== 'keep') {
      const text = this.#read(cell);
      this.#replace(cell, text, this.#text.maskUnder(rule, text, 0));
    } else if (rule === undefined || rule.detectors) this.#byLook(cell);
  }

  #byLook(cell: CsvCell): void {
    if (cell.end - cell.start < shortestFind) return;
    if (cell.hasQuotes) {
      const text = this.#read(cell);
      this.#replace(cell, text, this.#text.mask(text, 0));
    } else if (!this.#isUtf8) this.#text.editText(this.#bytes, cell.start, cell.end, this.#edits);
    else {
      const masked = this.#text.maskBytes(this.#bytes, cell.start, cell.end, 0);
      if (masked !== undefined) this.#edits.add(cell.start, cell.end, this.#written(cell, masked));
    }
  }

  #read({ start, end, hasQuotes }: CsvCell): string {
    const text = this.#bytes.toString(this.#isUtf8 ? 'utf8' : 'latin1', start, end);
    return hasQuotes ? text.replaceAll('""', '"') : text;
  }

  #replace(cell: CsvCell, text: string, masked: string): void {
    if (masked !== text) this.#edits.add(cell.start, cell.end, this.#written(cell, masked));
  }

  #written({ isQuoted }: CsvCell, text: string): string {
    if (isQuoted) return text.replaceAll('"', '""');
    const needsQuotes = text.includes(this.#separator) || /["\r\n]/.test(text);
    return needsQuotes ? `"${text.replaceAll('"', '""')}"` : text;
  }
}

/** The separator, and where the table begins. A first line `sep=;`, as Excel reads it, names it. */
function look(
  bytes: Buffer,
  start: number,
  end: number,
  mediaType: string,
): { readonly separator: string | undefined; readonly from: number } {
  const head = bytes.toString('latin1', start, Math.min(end, start + longestHead));
  const named = /^"?sep=([,;\t|])"?\r?\n/.exec(head);
  if (named !== null) return { separator: named[1], from: start + named[0].length };
  if (mediaType === 'text/tab-separated-values') return { separator: '\t', from: start };
  for (const line of head.replace(/"[^"]*"/g, '').split(/[\r\n]+/)) {
    const counts = separators.map((each) => line.split(each).length - 1);
    const most = Math.max(...counts);
    if (most === 0) continue;
    const found = separators.filter((_, i) => counts[i] === most);
    return { separator: found.length === 1 ? found[0] : undefined, from: start };
  }
  return { separator: ',', from: start };
}

function asPair(rule: MaskRule | undefined): MaskRule | undefined {
  return rule?.order === Number.POSITIVE_INFINITY ? { ...rule, id: 'default/pair' } : rule;
}
