import type * as yaml from 'yaml';
import type { Alias, Document, LineCounter, Node } from 'yaml';

/** The content of a YAML text: plain values, the line of each, and problems. */
export interface YamlSource {
  /** Objects have no prototype, so that no key can reach one. Undefined for an empty text or a broken one. */
  readonly value: unknown;
  /** Line of each value, by its path joined with dots. */
  readonly lines: ReadonlyMap<string, number>;
  /** Sentences that never repeat the text, because it may be a secret. */
  readonly problems: readonly string[];
}

/** Far above any configuration; limits the expansion of nested aliases. */
const MAX_VALUES = 10_000;
const MAX_DEPTH = 32;

const UNKNOWN_ALIAS = 'a value starts with "*"; put it in quotes';

/** Descriptions of common mistakes, because those of the parser quote the text. */
const MISTAKES: Readonly<Record<string, string>> = {
  BAD_INDENT: 'the indentation is wrong',
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
  DUPLICATE_KEY: 'a key is given twice in the same group',
  BAD_ALIAS: UNKNOWN_ALIAS,
  TAG_RESOLVE_FAILED: 'a value starts with "!"; put it in quotes',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  MULTIPLE_DOCS: 'there is more than one document; keep one',
};

/** Parses YAML 1.2 with plain values only: no custom tags, no merge keys, no repeated keys. Never throws. */
export type ReadYaml = (text: string) => YamlSource;

type Yaml = typeof yaml;

/**
 * Loads the package `yaml`, which is only installed by applications that read YAML. Without it each text is a
 * problem.
 */
export async function loadYamlReader(load: () => Promise<unknown> = () => import('yaml')): Promise<ReadYaml> {
  try {
    const loaded = (await load()) as { readonly default?: Yaml } & Yaml;
    return yamlReader(loaded.default ?? loaded);
  } catch {
    const problem =
      'reading YAML needs the package "yaml", which cannot be loaded. Install it: npm install yaml@2';
    return () => ({ value: undefined, lines: new Map(), problems: [problem] });
  }
}

/** Reads with this parser. */
export function yamlReader(parser: Yaml): ReadYaml {
  return (text) => {
    const counter = new parser.LineCounter();
    const document = parser.parseDocument(text, {
      prettyErrors: false,
      lineCounter: counter,
      merge: false,
      schema: 'core',
    });
    const mistakes = [...document.errors, ...document.warnings].map(
      ({ code, pos }) =>
        `line ${counter.linePos(pos[0]).line}: ${MISTAKES[code] ?? 'this is not valid YAML'}`,
    );
    if (mistakes.length > 0) return { value: undefined, lines: new Map(), problems: [...new Set(mistakes)] };
    const reader = new Reader(parser, document, counter);
    const value = document.contents === null ? undefined : reader.read(document.contents, []);
    return { value, lines: reader.lines, problems: reader.problems };
  };
}

class Reader {
  readonly lines = new Map<string, number>();
  readonly problems: string[] = [];
  readonly #parser: Yaml;
  readonly #document: Document.Parsed;
  readonly #counter: LineCounter;
  #values = 0;

  constructor(parser: Yaml, document: Document.Parsed, counter: LineCounter) {
    this.#parser = parser;
    this.#document = document;
    this.#counter = counter;
  }

  read(node: Node | null, path: readonly string[]): unknown {
    if (node === null) return null;
    if (this.#parser.isAlias(node)) return this.#readAlias(node, path);
    if (++this.#values > MAX_VALUES || path.length > MAX_DEPTH) {
      if (this.problems.length === 0)
        this.problems.push(`its aliases expand to more than ${MAX_VALUES} values or ${MAX_DEPTH} levels`);
      return undefined;
    }
    this.lines.set(path.join('.'), this.#lineOf(node));
    if (this.#parser.isMap<Node, Node | null>(node)) return this.#readMap(node.items, path);
    if (this.#parser.isSeq<Node>(node))
      return node.items.map((item, index) => this.read(item, [...path, String(index)]));
    return this.#parser.isScalar(node) ? node.value : undefined;
  }

  #readAlias(alias: Alias, path: readonly string[]): unknown {
    const target = alias.resolve(this.#document);
    if (target === undefined) this.problems.push(`line ${this.#lineOf(alias)}: ${UNKNOWN_ALIAS}`);
    return this.read(target ?? null, path);
  }

  #readMap(items: readonly { key: Node; value: Node | null }[], path: readonly string[]): unknown {
    const result = Object.create(null) as Record<string, unknown>;
    for (const { key, value } of items) {
      if (!this.#parser.isScalar(key) || (typeof key.value !== 'string' && typeof key.value !== 'number')) {
        this.problems.push(`line ${this.#lineOf(key)}: a key must be a plain name`);
        continue;
      }
      const name = String(key.value);
      result[name] = this.read(value, [...path, name]);
      this.lines.set([...path, name].join('.'), this.#lineOf(key));
    }
    return result;
  }

  #lineOf(node: Node): number {
    return this.#counter.linePos(node.range?.[0] ?? 0).line;
  }
}
