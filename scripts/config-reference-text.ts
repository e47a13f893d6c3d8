import type { ReferenceEntry } from './config-reference.js';

const START = '<!-- reference: generated from the schema by npm run docs:config -->';
const END = '<!-- end of reference -->';

/** The page with its reference replaced by one made from these entries. Throws when the page has no place for it. */
export function withReference(page: string, entries: readonly ReferenceEntry[]): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`The page must contain "${START}" and after it "${END}".`);
  return `${page.slice(0, start + START.length)}\n\n${tables(entries)}\n\n${page.slice(end)}`;
}

function tables(entries: readonly ReferenceEntry[]): string {
  const kinds = [...new Set(entries.map(({ kind }) => kind))];
  return kinds
    .map((kind) => {
      const title = kind === undefined ? '### Application' : `### Transports of kind \`${kind}\``;
      const rows = entries.filter((entry) => entry.kind === kind).map(row);
      return [
        title,
        '',
        '| Key | Variable | Default | Allowed | Meaning |',
        '|---|---|---|---|---|',
        ...rows,
      ].join('\n');
    })
    .join('\n\n');
}

function row(entry: ReferenceEntry): string {
  const fallback = entry.default === undefined ? '' : `\`${entry.default}\``;
  const variable = entry.variable === undefined ? '' : `\`${entry.variable}\``;
  const cells = [`\`${entry.key}\``, variable, fallback, entry.allowed, entry.description];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const HEAD = `# Every variable of the application, with its default. Generated from the schema by npm run docs:config.
# Variables override config/switchyard.yaml. NAME_FILE reads the value of NAME from a file. Empty means not set.
# docs/using/configuration.md explains all of it. This file is an example: nothing reads it, nor .env, by itself.

# Port of the application (SWITCHYARD_HTTP__PORT overrides it).
# PORT=3000
# Directory of all durable data (SWITCHYARD_DATA_DIR overrides it).
# DATA_DIR=./data
# Path of the configuration file, if it is not config/switchyard.yaml.
# SWITCHYARD_CONFIG=
`;

/** The text of `.env.example`. */
export function envExample(entries: readonly ReferenceEntry[]): string {
  const seen = new Set<string>();
  const blocks = entries.flatMap((entry) => {
    if (entry.variable === undefined || seen.has(entry.variable)) return [];
    seen.add(entry.variable);
    return [
      `\n# ${entry.description} Allowed: ${entry.allowed}.\n# ${entry.variable}=${entry.default ?? ''}\n`,
    ];
  });
  return HEAD + blocks.join('');
}
