import { type CommandGroup, EXIT, type Terminal, UsageError } from '../command.js';
import { ACCESS, accessOf, STRING, textOf } from './api-commands.js';
import { plain, tableOf } from './table.js';

type Item = Readonly<Record<string, unknown>>;

interface Answer {
  readonly detail: string;
  readonly createdAt?: string;
  readonly findings: readonly Item[];
  readonly groups: readonly (Item & { readonly detail: string; readonly backlogs: readonly Item[] })[];
  readonly sources: readonly {
    readonly source: string;
    readonly transport?: string;
    readonly scope: string;
    readonly status: string;
    readonly since?: string;
    readonly errorCode?: string;
  }[];
  readonly transports: readonly {
    readonly transport: string;
    readonly system: string;
    readonly unknowable: readonly string[];
  }[];
}

/** Asks an application why a message is not done. */
export const whyCommand: CommandGroup = {
  usage: `Usage:
  switchyard why <message-id> --url <address> [--key-file <file>] [--topic …] [--json]
      Why a message is not done: what is known of it, where it was seen last, and what cannot be known.
      --topic is for one of which nothing but its id is known.

${ACCESS}
  --json             the answer of the API, as one JSON object`,
  async run(args, terminal) {
    const { api, values, positionals } = accessOf(args, { topic: STRING }, { allowPositionals: true });
    const [id, ...more] = positionals;
    if (id === undefined || id === '' || more.length > 0) throw new UsageError('Give the id of one message.');
    const topic = textOf(values['topic']);
    const answer = (await api.get(`messages/${encodeURIComponent(id)}`, { topic })) as Answer;
    if (values['json'] === true) terminal.out(JSON.stringify(answer));
    else show(answer, terminal);
    return EXIT.ok;
  },
};

function show({ detail, findings, groups, sources, transports }: Answer, { out, err }: Terminal): void {
  const table = (lines: readonly string[]): void => ['', ...lines].forEach(out);
  out(plain(detail));
  if (findings.length > 0)
    table(
      tableOf(findings, {
        AT: ({ at }) => at,
        WHAT: ({ what }) => what,
        TOPIC: ({ topic }) => topic,
        GROUP: ({ group }) => group,
        TRANSPORT: ({ transport }) => transport,
        ATTEMPT: ({ attempt }) => attempt,
        REASON: ({ reason }) => reason,
        DUE: ({ dueAt }) => dueAt,
        'DEAD LETTER': ({ deadLetterId }) => deadLetterId,
      }),
    );
  if (groups.length > 0)
    table(
      tableOf(groups, {
        TOPIC: ({ topic }) => topic,
        GROUP: ({ group }) => group,
        STATE: ({ state }) => state,
        READY: sumOf('ready'),
        'IN FLIGHT': sumOf('inFlight'),
        DELAYED: sumOf('delayed'),
        'HELD BY': ({ heldBy }) => heldBy,
      }),
    );
  const others = groups.map((group) => group.detail).filter((sentence) => sentence !== detail);
  if (others.length > 0) table(others.map(plain));
  table(
    tableOf(sources, {
      SOURCE: ({ source }) => source,
      TRANSPORT: ({ transport }) => transport,
      'KNOWS OF': ({ scope }) => (scope === 'process' ? 'this process' : 'all processes'),
      STATUS: ({ status }) => status,
      SINCE: ({ since }) => since,
    }),
  );
  for (const { transport, system, unknowable } of transports)
    table([
      `Cannot be known on ${plain(transport)} (${plain(system)}):`,
      ...unknowable.map((one) => `  ${plain(one)}`),
    ]);
  for (const { source, transport, errorCode } of sources.filter(({ status }) => status === 'failed'))
    err(plain(`No answer from ${[source, transport].filter(Boolean).join(' of ')}: ${errorCode}.`));
}

function sumOf(count: 'ready' | 'inFlight' | 'delayed') {
  return ({ backlogs }: Answer['groups'][number]): number =>
    backlogs.reduce((sum, backlog) => sum + Number(backlog[count] ?? 0), 0);
}
