import { type CommandGroup, EXIT, type ExitCode, type Terminal, UsageError } from '../command.js';
import type { AdminApi } from './admin-api.js';
import {
  type Access,
  ACCESS,
  accessOf,
  FLAG,
  kebab,
  LETTER_FILTERS,
  STRING,
  textOf,
} from './api-commands.js';
import { plain, tableOf } from './table.js';

interface Operation {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly actor: string;
  readonly reason?: string;
  readonly ratePerSecond: number;
  readonly startedAt?: string;
  readonly counts: Readonly<
    Record<'selected' | 'done' | 'succeeded' | 'unknown' | 'skipped' | 'failed' | 'failedAgain', number>
  >;
  readonly errorCode?: string;
}

interface Plan {
  readonly matching: number;
  readonly selected: number;
  readonly subscriptions: readonly {
    readonly topic: string;
    readonly group: string;
    readonly count: number;
  }[];
  readonly impossible: readonly { readonly code: string; readonly count: number }[];
}

interface Item {
  readonly id: string;
  readonly result: string;
  readonly code?: string;
}

const KINDS = ['replay', 'archive', 'restore', 'discard'];
const ENDED = ['completed', 'cancelled', 'aborted'];
const ORDERS: Readonly<Record<string, string>> = { pause: 'paused', resume: 'running', cancel: 'cancelled' };
const BAR_WIDTH = 30;
const filters = LETTER_FILTERS.map(kebab);

const SELECTION = `      ${filters.map((filter) => `[--${filter} …]`).join(' ')}
      [--all] takes every letter where no id and no filter is given.
      [--dry-run] only counts. [--expected-count <n>] refuses another number. [--max-count <n>] takes the oldest only.
      [--rate-per-second <n>] [--force] [--reason <text>] [--no-wait]`;
const OPTIONS = `${ACCESS}
  --json             the answer of the API, as one JSON object`;

/** Replays dead letters and shows how far it is. */
export const replayCommand: CommandGroup = {
  usage: `Usage:
  switchyard replay [<id> …] --url <address> [--key-file <file>] [--json]
      Sends dead letters back to the groups that gave them up.
${SELECTION}

${OPTIONS}`,
  run: (args, terminal) => start('replay', args, terminal),
};

/** Begins, lists, shows, pauses, resumes and cancels operations. */
export const operationsCommand: CommandGroup = {
  usage: `Usage:
  switchyard operations list --url <address> [--key-file <file>] [--json]
      Work on many dead letters, newest first.
  switchyard operations show <id> [--items] --url <address> …
      One of them; with --items what became of its letters, but for those that succeeded.
  switchyard operations start <${KINDS.join('|')}> [<letter id> …] --url <address> …
      Begins one, and waits for its end.
${SELECTION}
  switchyard operations pause|resume|cancel <id> [--reason <text>] --url <address> …
      Gives an order. What was done stays done.

${OPTIONS}`,
  async run(args, terminal) {
    const [verb = '', ...rest] = args;
    if (verb === 'list') return list(rest, terminal);
    if (verb === 'show') return show(rest, terminal);
    if (verb === 'start') return startKind(rest, terminal);
    if (Object.hasOwn(ORDERS, verb)) return order(ORDERS[verb] ?? '', rest, terminal);
    throw new UsageError('Say list, show, start, pause, resume or cancel.');
  },
};

async function list(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const { api, values } = accessOf(args, {});
  const answer = (await api.get('operations')) as { readonly items: readonly Operation[] };
  print(answer, answer.items, values['json'] === true, terminal);
  return EXIT.ok;
}

async function show(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const access = accessOf(args, { items: FLAG }, { allowPositionals: true });
  const { api, values } = access;
  const path = `operations/${encodeURIComponent(onlyId(access))}`;
  const operation = (await api.get(path)) as Operation;
  print(operation, [operation], values['json'] === true, terminal);
  if (values['items'] === true) await printItems(api, path, values['json'] === true, terminal);
  return exitOf(operation);
}

async function printItems(api: AdminApi, path: string, asJson: boolean, { out }: Terminal): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = (await api.get(`${path}/items`, { cursor })) as {
      readonly items: readonly Item[];
      readonly page: { readonly nextCursor: string | null };
    };
    const shown = page.items.filter(({ result }) => result !== 'succeeded');
    if (asJson) out(JSON.stringify({ items: shown }));
    else if (shown.length > 0)
      tableOf(shown, {
        LETTER: ({ id }) => id,
        RESULT: ({ result }) => result,
        CODE: ({ code }) => code,
      }).forEach(out);
    cursor = page.page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

async function order(state: string, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const access = accessOf(args, { reason: STRING }, { allowPositionals: true });
  const { api, values } = access;
  const reason = textOf(values['reason']);
  const path = `operations/${encodeURIComponent(onlyId(access))}`;
  const operation = (await api.patch(path, { state, ...(reason !== undefined && { reason }) })) as Operation;
  print(operation, [operation], values['json'] === true, terminal);
  return EXIT.ok;
}

function startKind(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [kind = '', ...rest] = args;
  if (!KINDS.includes(kind)) throw new UsageError(`Say what to do with the letters: ${KINDS.join(', ')}.`);
  return start(kind, rest, terminal);
}

async function start(kind: string, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const access = accessOf(
    args,
    {
      ...Object.fromEntries(filters.map((filter) => [filter, STRING])),
      ...{ 'max-count': STRING, 'expected-count': STRING, 'rate-per-second': STRING, reason: STRING },
      ...{ all: FLAG, force: FLAG, 'dry-run': FLAG, 'no-wait': FLAG },
    },
    { allowPositionals: true },
  );
  const { api, values } = access;
  const asJson = values['json'] === true;
  const reason = textOf(values['reason']);
  const body = {
    kind,
    selection: selectionOf(access),
    ...numberIn(values, 'maxCount'),
    ...numberIn(values, 'expectedCount'),
    ...numberIn(values, 'ratePerSecond'),
    ...(values['force'] === true && { force: true }),
    ...(reason !== undefined && { reason }),
  };
  if (values['dry-run'] === true) {
    printPlan((await api.post('operations', { ...body, dryRun: true })) as Plan, asJson, terminal);
    return EXIT.ok;
  }
  let operation = (await api.post('operations', body)) as Operation;
  if (values['no-wait'] !== true) operation = await ended(api, operation, terminal);
  print(operation, [operation], asJson, terminal);
  return exitOf(operation);
}

/** `reason` is why a dead letter was given up among the filters, and why an operator acts here: the latter has the option. */
function selectionOf({ values, positionals }: Access): object {
  const given = LETTER_FILTERS.flatMap((name) => {
    const value = textOf(values[kebab(name)]);
    return value === undefined ? [] : [[name, name === 'minAttempts' ? wholeOf(name, value) : value]];
  });
  if (positionals.length > 0) {
    if (given.length > 0) throw new UsageError('Give ids of letters, or filters.');
    return { ids: positionals };
  }
  if (given.length === 0 && values['all'] !== true)
    throw new UsageError('Give ids of letters, a filter, or --all for every letter.');
  return { filter: Object.fromEntries(given) as object };
}

function numberIn(values: Access['values'], name: string): Record<string, number> {
  const value = textOf(values[kebab(name)]);
  return value === undefined ? {} : { [name]: wholeOf(name, value) };
}

function wholeOf(name: string, value: string): number {
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(value)) throw new UsageError(`--${kebab(name)} must be a number.`);
  return Number(value);
}

function onlyId({ positionals }: Access): string {
  const [id, ...more] = positionals;
  if (!id || more.length > 0) throw new UsageError('Give the id of one operation.');
  return id;
}

/** Follows an operation, with a line a second. */
async function ended(api: AdminApi, begun: Operation, { err }: Terminal): Promise<Operation> {
  let operation = begun;
  while (!ENDED.includes(operation.state) && operation.state !== 'paused') {
    operation = (await api.get(`operations/${operation.id}`, { waitMs: '1000' })) as Operation;
    err(barOf(operation));
  }
  return operation;
}

function barOf({ state, counts, errorCode }: Operation): string {
  const { selected, done, skipped, failed } = counts;
  const filled = selected === 0 ? 0 : Math.round((BAR_WIDTH * Math.min(done, selected)) / selected);
  const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.');
  const trouble = errorCode === undefined ? '' : `, ${errorCode}`;
  return plain(`[${bar}] ${done} of ${selected}, ${skipped} skipped, ${failed} failed: ${state}${trouble}`);
}

function print(answer: object, items: readonly Operation[], asJson: boolean, { out }: Terminal): void {
  if (asJson) out(JSON.stringify(answer));
  else if (items.length === 0) out('None.');
  else
    tableOf(items, {
      ID: ({ id }) => id,
      KIND: ({ kind }) => kind,
      STATE: ({ state }) => state,
      DONE: ({ counts }) => `${counts.done} of ${counts.selected}`,
      SUCCEEDED: ({ counts }) => counts.succeeded,
      UNKNOWN: ({ counts }) => counts.unknown,
      SKIPPED: ({ counts }) => counts.skipped,
      FAILED: ({ counts }) => counts.failed,
      'FAILED AGAIN': ({ counts }) => counts.failedAgain,
      'PER SECOND': ({ ratePerSecond }) => ratePerSecond,
      BY: ({ actor }) => actor,
      ERROR: ({ errorCode }) => errorCode,
    }).forEach(out);
}

function printPlan(plan: Plan, asJson: boolean, { out }: Terminal): void {
  if (asJson) {
    out(JSON.stringify(plan));
    return;
  }
  out(`${plan.matching} match, ${plan.selected} would be taken.`);
  if (plan.subscriptions.length > 0)
    tableOf(plan.subscriptions, {
      COUNT: ({ count }) => count,
      TOPIC: ({ topic }) => topic,
      GROUP: ({ group }) => group,
    }).forEach(out);
  for (const { code, count } of plan.impossible) out(plain(`${count} cannot be taken: ${code}`));
}

function exitOf({ state, counts }: Operation): ExitCode {
  const isBad = state === 'aborted' || counts.failed > 0 || counts.failedAgain > 0;
  return isBad ? EXIT.damaged : EXIT.ok;
}
