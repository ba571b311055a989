/** Reads the output of `codex app-server generate-ts`: one file per type. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CUT, RESULTS, TABLES, type Table, USED } from './methods.ts';

/** The types of one method. A method may have no parameters. A notification has no result. */
export interface Method {
  params: string | undefined;
  result: string | undefined;
}

export interface Protocol {
  methods: Record<Table, Map<string, Method>>;
  /** The declaration of every type that the methods need, sorted by name. */
  types: Map<string, string>;
}

const LISTED = /"method": "([^"]+)"(?:, id: RequestId)?(?:, "?params"?\??: (\w+)(?: \| undefined)?)?/g;
const IMPORT = /^import type \{ (\w+) \} from "(.+)";$/gm;

/** Reads the methods that `orp` uses, and their types. Omits methods that this Codex does not know. */
export function readProtocol(folder: string): Protocol {
  const types = new TypeFiles();
  const methods = Object.fromEntries(
    Object.entries(TABLES).map(([table, file]) => [
      table,
      readTable(table as Table, join(folder, `${file}.ts`), types),
    ]),
  ) as Protocol['methods'];
  return { methods, types: types.sorted() };
}

function readTable(table: Table, file: string, types: TypeFiles): Map<string, Method> {
  const { text, imports } = readTypeFile(file);
  const found = new Map<string, Method>();
  for (const [, name = '', params] of text.matchAll(LISTED)) {
    if (!(name in USED[table])) continue;
    const method = { params, result: isRequest(table) ? resultOf(name, params) : undefined };
    found.set(name, method);
    const paramsFile = params === undefined ? undefined : imports.get(params);
    if (params === undefined || paramsFile === undefined) continue;
    types.take(params, paramsFile);
    // No file lists the types of the answers; each is in the folder of its parameters.
    if (method.result !== undefined)
      types.take(method.result, join(dirname(paramsFile), `${method.result}.ts`));
  }
  // Use the order of our table, so that the file does not change when Codex lists its methods in another order.
  const ordered = Object.keys(USED[table]).flatMap((name): [string, Method][] => {
    const method = found.get(name);
    return method === undefined ? [] : [[name, method]];
  });
  return new Map(ordered);
}

/** Only requests have answers. */
export function isRequest(table: Table): boolean {
  return table === 'ClientMethods' || table === 'ServerRequests';
}

function resultOf(method: string, params: string | undefined): string | undefined {
  return RESULTS[method] ?? params?.replace(/Params$/, 'Response');
}

/** Collects types and the types that they import. */
class TypeFiles {
  readonly #texts = new Map<string, string>();
  readonly #files = new Map<string, string>();

  take(name: string, file: string): void {
    const known = this.#files.get(name);
    if (known === file) return;
    if (known !== undefined) throw new Error(`Two types are called ${name}: ${known} and ${file}.`);
    this.#files.set(name, file);
    if (CUT.includes(name)) {
      this.#texts.set(name, `export type ${name} = unknown;`);
      return;
    }
    const { text, imports } = readTypeFile(file);
    this.#texts.set(name, text);
    for (const [imported, importedFile] of imports) this.take(imported, importedFile);
  }

  sorted(): Map<string, string> {
    return new Map([...this.#texts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function readTypeFile(file: string): { text: string; imports: Map<string, string> } {
  const source = readFileSync(file, 'utf8');
  const imports = new Map<string, string>();
  for (const [, name = '', path = ''] of source.matchAll(IMPORT))
    imports.set(name, join(dirname(file), `${path}.ts`));
  const text = source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\/\/.*$/gm, '')
    .replace(IMPORT, '')
    // A JSON number is read as a number, never as a bigint.
    .replace(/\bbigint\b/g, 'number')
    // The line breaks of removed comments would decide how the file is formatted.
    .replace(/\s+/g, ' ')
    .trim();
  return { text, imports };
}
