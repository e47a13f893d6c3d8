import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type CommandGroup, EXIT, type Terminal, UsageError } from '../command.js';
import { AdminApi } from './admin-api.js';
import { type Columns, tableOf } from './table.js';

type Item = Readonly<Record<string, unknown>>;
interface Answer {
  readonly items: readonly Item[];
  readonly page?: { readonly nextCursor: string | null };
}

interface Listing {
  readonly path: string;
  readonly summary: string;
  /** Parameters of the API, as options in kebab case. */
  readonly filters: readonly string[];
  readonly columns: Columns<Item>;
}

/** Filters of a selection. `reason` is left out: operators give a reason for what they do. */
export const LETTER_FILTERS = [
  ...['status', 'topic', 'group', 'handler', 'transport', 'errorType', 'fingerprint', 'messageId'],
  ...['correlationId', 'key', 'minAttempts', 'from', 'to'],
];
const FILTERS = [...LETTER_FILTERS, 'reason', 'limit'];

const LISTINGS = {
  'dead-letters': {
    path: 'dead-letters',
    summary: 'Dead letters, newest first. --cursor continues a page.',
    filters: [...FILTERS, 'cursor'],
    columns: {
      ID: ({ id }) => id,
      STATUS: ({ status }) => status,
      TOPIC: ({ topic }) => topic,
      GROUP: ({ group }) => group,
      ATTEMPTS: ({ attempts }) => attempts,
      SINCE: ({ deadLetteredAt }) => deadLetteredAt,
      ERROR: ({ error }) => `${String((error as Item)['type'])}: ${String((error as Item)['message'])}`,
    },
  },
  'dead-letter-groups': {
    path: 'dead-letter-groups',
    summary: 'Dead letters counted by fingerprint, largest first.',
    filters: FILTERS,
    columns: {
      COUNT: ({ count }) => count,
      FINGERPRINT: ({ fingerprint }) => fingerprint,
      TOPIC: ({ topic }) => topic,
      GROUP: ({ group }) => group,
      LAST: ({ lastAt }) => lastAt,
      ERROR: ({ errorType, errorMessage }) => `${String(errorType)}: ${String(errorMessage)}`,
    },
  },
  'consumer-groups': {
    path: 'groups',
    summary: 'Consumer groups with their backlogs.',
    filters: ['topic'],
    columns: {
      TRANSPORT: ({ transport }) => transport,
      TOPIC: ({ topic }) => topic,
      GROUP: ({ group }) => group,
      CONSUMED: ({ isConsumed }) => (isConsumed === true ? 'yes' : 'NO'),
      READY: ({ ready }) => ready,
      'IN FLIGHT': ({ inFlight }) => inFlight,
      DELAYED: ({ delayed }) => delayed,
      'OLDEST MS': ({ oldestAgeMs }) => oldestAgeMs,
    },
  },
  transports: {
    path: 'transports',
    summary: 'Transports, and which member of a composite is active.',
    filters: [],
    columns: {
      NAME: ({ name }) => name,
      SYSTEM: ({ system }) => system,
      DURABILITY: ({ durability }) => durability,
      ACTIVE: ({ active }) => (Array.isArray(active) ? active.join(', ') : undefined),
      SPOOLED: ({ spool }) => (spool as Item | undefined)?.['messages'],
    },
  },
} as const satisfies Readonly<Record<string, Listing>>;

/** Usage of what {@link accessOf} reads. */
export const ACCESS = `  --url <address>    where the admin API is mounted, such as http://127.0.0.1:3000/messaging
  --key-file <file>  a file that holds an API key, and nothing else`;

/** Prints the OpenAPI document of an application. */
export const openApiCommand: CommandGroup = {
  usage: `Usage:
  switchyard openapi --url <address> [--key-file <file>]
      Prints the OpenAPI 3.1 document of the admin API of a running application.

${ACCESS}`,
  async run(args, terminal) {
    const { api } = accessOf(args, {});
    terminal.out(JSON.stringify(await api.get('openapi.json'), null, 2));
    return EXIT.ok;
  },
};

/** The command that lists what one route of the admin API returns. */
export function listCommand(name: keyof typeof LISTINGS): CommandGroup {
  const { path, summary, filters, columns } = LISTINGS[name];
  const options = filters.map((filter) => `[--${kebab(filter)} …]`).join(' ');
  return {
    usage: `Usage:
  switchyard ${name} --url <address> [--key-file <file>] [--json]
      ${summary}
      ${options}

${ACCESS}
  --json             the answer of the API, as one JSON object`,
    async run(args, terminal) {
      const { api, values } = accessOf(
        args,
        Object.fromEntries(filters.map((each) => [kebab(each), STRING])),
      );
      const query = Object.fromEntries(filters.map((filter) => [filter, textOf(values[kebab(filter)])]));
      const answer = (await api.get(path, query)) as Answer;
      if (values['json'] === true) terminal.out(JSON.stringify(answer));
      else show(answer, columns, terminal);
      return EXIT.ok;
    },
  };
}

function show({ items, page }: Answer, columns: Columns<Item>, terminal: Terminal): void {
  for (const line of items.length > 0 ? tableOf(items, columns) : ['None.']) terminal.out(line);
  if (page?.nextCursor) terminal.err(`There are more: --cursor ${page.nextCursor}`);
}

export const STRING = { type: 'string' } as const;
export const FLAG = { type: 'boolean' } as const;

/** What a command line of a client of the API says. */
export interface Access {
  readonly api: AdminApi;
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

/** @throws UsageError without an address, and an error of `parseArgs` for options that there are not. */
export function accessOf(
  args: readonly string[],
  filters: Readonly<Record<string, typeof STRING | typeof FLAG>>,
  { allowPositionals = false }: { readonly allowPositionals?: boolean } = {},
): Access {
  const parsed = parseArgs({
    args: [...args],
    options: { ...filters, url: STRING, 'key-file': STRING, json: { type: 'boolean' } },
    allowPositionals,
  });
  const { positionals } = parsed;
  const values: Readonly<Record<string, unknown>> = parsed.values;
  const url = textOf(values['url']);
  if (url === undefined) throw new UsageError('Give --url, the address of the admin API.');
  const file = textOf(values['key-file']);
  return {
    api: new AdminApi(url, file === undefined ? undefined : readFileSync(file, 'utf8').trim()),
    values,
    positionals,
  };
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
