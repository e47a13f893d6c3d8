import { type CommandGroup, EXIT, type ExitCode, type Terminal } from '../command.js';
import { ACCESS, accessOf } from './api-commands.js';
import { plain, tableOf } from './table.js';

type Item = Readonly<Record<string, unknown>>;

interface Listed {
  readonly total: number;
  readonly items: readonly Item[];
}

/** What the commands read of the answer of `GET /overview`. */
interface Overview {
  readonly at: string;
  readonly status: string;
  readonly state: string;
  readonly draining: { readonly isDraining: boolean };
  readonly transports: { readonly items: readonly Item[] };
  readonly spools: { readonly items: readonly Item[] };
  readonly backlogs: readonly (Item & { readonly unanswered: number })[];
  readonly deadLetters: Item & { readonly errorCode?: string };
  readonly traffic: Readonly<Record<'sinceStart' | 'lastMinute' | 'lastFiveMinutes', Item>>;
  readonly paused: Listed & { readonly scope: string; readonly isCurrent: boolean };
  readonly killSwitches: Listed;
  readonly components: Readonly<Record<string, Item & { readonly status: string }>>;
}

/** Whether an application is well, and what of it is not. */
export const healthCommand: CommandGroup = {
  usage: `Usage:
  switchyard health --url <address> [--key-file <file>] [--json]
      Status of the application and of its components. Ends with 0 when the status is ok, else with 1.

${ACCESS}
  --json             status and components, as one JSON object`,
  async run(args, { out }) {
    const { api, values } = accessOf(args, {});
    const { at, status, state, components } = (await api.get('overview')) as Overview;
    if (values['json'] === true) out(JSON.stringify({ at, status, state, components }));
    else {
      out(plain(`The application is ${status} (${state}) at ${at}.`));
      out('');
      tableOf(Object.entries(components), {
        COMPONENT: ([name]) => name,
        STATUS: ([, { status: one }]) => (one === 'up' ? one : one.toUpperCase()),
      }).forEach(out);
      detailsOf(components).forEach(out);
    }
    return exitOf(status);
  },
};

/** The figures of an application. */
export const overviewCommand: CommandGroup = {
  usage: `Usage:
  switchyard overview --url <address> [--key-file <file>] [--json]
      The application at a glance: transports, what waits, dead letters, traffic, and what is paused.

${ACCESS}
  --json             the answer of the API, as one JSON object`,
  async run(args, terminal) {
    const { api, values } = accessOf(args, {});
    const overview = (await api.get('overview')) as Overview;
    if (values['json'] === true) terminal.out(JSON.stringify(overview));
    else show(overview, terminal);
    return EXIT.ok;
  },
};

function exitOf(status: string): ExitCode {
  return status === 'ok' ? EXIT.ok : EXIT.damaged;
}

/** A line for each figure of a component that is not up. */
function detailsOf(components: Overview['components']): string[] {
  return Object.entries(components)
    .filter(([, { status }]) => status !== 'up')
    .flatMap(([name, { status: _, ...details }]) => [
      '',
      plain(`${name}:`),
      ...Object.entries(details).flatMap(([key, value]) =>
        (Array.isArray(value) ? (value as unknown[]) : [value]).map((one) =>
          plain(`  ${key}: ${String(one)}`),
        ),
      ),
    ]);
}

function show(overview: Overview, { out, err }: Terminal): void {
  const { at, status, state, draining, transports, spools, backlogs, deadLetters } = overview;
  const { traffic, paused, killSwitches } = overview;
  const table = (lines: readonly string[]): void => ['', ...lines].forEach(out);
  out(plain(`The application is ${status} (${state}) at ${at}.`));
  if (draining.isDraining) out('This process consumes nothing more.');
  table(
    tableOf(transports.items, {
      TRANSPORT: ({ name }) => name,
      SYSTEM: ({ system }) => system,
      UP: ({ isUp }) => (isUp === true ? 'yes' : 'NO'),
      SINCE: ({ since }) => since,
      ERROR: ({ errorCode }) => errorCode,
      ACTIVE: ({ active }) => listed(active),
      FAILING: ({ failing }) => listed(failing),
    }),
  );
  table(
    tableOf(backlogs, {
      BACKLOG: ({ transport }) => transport,
      OF: ({ scope }) => ofWhat(scope),
      GROUPS: ({ groups }) => groups,
      READY: ({ ready }) => ready,
      'IN FLIGHT': ({ inFlight }) => inFlight,
      DELAYED: ({ delayed }) => delayed,
      'OLDEST MS': ({ oldest }) => (oldest as Item | undefined)?.['ageMs'],
    }),
  );
  if (spools.items.length > 0)
    table(
      tableOf(spools.items, {
        SPOOL: ({ transport }) => transport,
        MESSAGES: ({ messages }) => messages,
        'AT MOST': ({ maxMessages }) => maxMessages,
        'OLDEST MS': ({ oldestAgeMs }) => oldestAgeMs,
        PAUSED: ({ isPaused }) => (isPaused === true ? 'YES' : 'no'),
      }),
    );
  table(
    tableOf([deadLetters], {
      'DEAD LETTERS OF': ({ scope }) => ofWhat(scope),
      TOTAL: ({ total }) => total,
      PENDING: ({ pending }) => pending,
      'LAST HOUR': ({ lastHour }) => lastHour,
      'OLDEST PENDING': ({ oldestPendingAt }) => oldestPendingAt,
    }),
  );
  table(
    tableOf(Object.entries(traffic).filter(isSpan), {
      'TRAFFIC OF THIS PROCESS': ([span]) => SPANS[span],
      SECONDS: ([, { seconds }]) => seconds,
      PUBLISHED: ([, { published }]) => published,
      REFUSED: ([, { publishFailed }]) => publishFailed,
      HANDLED: ([, { handled }]) => handled,
      FAILED: ([, { failed }]) => failed,
      'DEAD LETTERED': ([, { deadLettered }]) => deadLettered,
    }),
  );
  if (paused.total > 0)
    table(
      tableOf(paused.items, {
        PAUSED: nameOf,
        OF: () => ofWhat(paused.scope),
        UNTIL: ({ until }) => until,
        BY: ({ by }) => by,
        REASON: ({ reason }) => reason,
      }),
    );
  if (killSwitches.total > 0)
    table(
      tableOf(killSwitches.items, {
        'KILL SWITCH': nameOf,
        HANDLER: ({ handler }) => handler,
        SINCE: ({ since }) => since,
        ERROR: ({ errorType }) => errorType,
        WAITING: ({ held }) => held,
      }),
    );
  if (deadLetters.errorCode !== undefined)
    err(plain(`The store of dead letters does not answer (${deadLetters.errorCode}).`));
  for (const { transport, unanswered } of backlogs.filter((one) => one.unanswered > 0))
    err(plain(`No backlog of ${unanswered} groups on ${String(transport)}: it does not answer in time.`));
  if (!paused.isCurrent) err('The control store does not answer: what is shown as paused may be old.');
}

const SPANS = {
  sinceStart: 'since its start',
  lastFiveMinutes: 'the last five minutes',
  lastMinute: 'the last minute',
} as const;

function isSpan(entry: [string, Item]): entry is [keyof typeof SPANS, Item] {
  return Object.hasOwn(SPANS, entry[0]);
}

function listed(names: unknown): string | undefined {
  return Array.isArray(names) && names.length > 0 ? names.join(', ') : undefined;
}

function ofWhat(scope: unknown): string {
  return scope === 'process' ? 'this process' : 'all processes';
}

function nameOf({ topic, group }: Item): string {
  return `${String(topic)}/${String(group)}`;
}
