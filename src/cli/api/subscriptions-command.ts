import { type CommandGroup, EXIT, type Terminal, UsageError } from '../command.js';
import { ACCESS, accessOf, STRING, textOf } from './api-commands.js';
import { plain, tableOf } from './table.js';

interface Subscription {
  readonly topic: string;
  readonly group: string;
  readonly paused: boolean;
  readonly pause?: { readonly reason: string; readonly by: string; readonly until: string };
  readonly concurrency?: number;
  readonly ratePerSecond?: number;
  readonly scope: string;
  readonly isCurrent: boolean;
  readonly consumers: readonly {
    readonly state: string;
    readonly killSwitch?: { readonly isOpen: boolean };
  }[];
}

/** Lists, pauses and resumes consumer groups. */
export const subscriptionsCommand: CommandGroup = {
  usage: `Usage:
  switchyard subscriptions list --url <address> [--key-file <file>] [--json]
      The groups that the application has handlers for, and what operators have set for them.
  switchyard subscriptions pause <topic> <group> --reason <text> [--for-ms <ms>] --url <address> …
      Pauses a group. It resumes by itself at the end of --for-ms.
  switchyard subscriptions resume <topic> <group> --reason <text> --url <address> …
      Resumes a group.

${ACCESS}
  --json             the answer of the API, as one JSON object`,
  async run(args, terminal) {
    const [verb, ...rest] = args;
    if (verb === 'list') return list(rest, terminal);
    if (verb === 'pause' || verb === 'resume') return change(verb, rest, terminal);
    throw new UsageError('Say list, pause or resume.');
  },
};

async function list(args: readonly string[], terminal: Terminal): Promise<typeof EXIT.ok> {
  const { api, values } = accessOf(args, {});
  const answer = (await api.get('subscriptions')) as { readonly items: readonly Subscription[] };
  show(answer, answer.items, values['json'] === true, terminal);
  return EXIT.ok;
}

async function change(
  verb: 'pause' | 'resume',
  args: readonly string[],
  terminal: Terminal,
): Promise<typeof EXIT.ok> {
  const options = verb === 'pause' ? { reason: STRING, 'for-ms': STRING } : { reason: STRING };
  const { api, values, positionals } = accessOf(args, options, { allowPositionals: true });
  const [topic, group, ...more] = positionals;
  if (!topic || !group || more.length > 0) throw new UsageError('Give a topic and a group.');
  const reason = textOf(values['reason']);
  if (!reason?.trim()) throw new UsageError('Give --reason, because others have to learn why.');
  const forMs = textOf(values['for-ms']);
  if (forMs !== undefined && !/^\d{1,15}$/.test(forMs))
    throw new UsageError('--for-ms must be a whole number of milliseconds.');
  const answer = (await api.patch(`subscriptions/${encodeURIComponent(topic)}/${encodeURIComponent(group)}`, {
    paused: verb === 'pause',
    reason,
    ...(forMs !== undefined && { forMs: Number(forMs) }),
  })) as Subscription;
  show(answer, [answer], values['json'] === true, terminal);
  return EXIT.ok;
}

function show(answer: object, items: readonly Subscription[], asJson: boolean, { out, err }: Terminal): void {
  if (asJson) {
    out(JSON.stringify(answer));
    return;
  }
  if (items.length === 0) out('None.');
  else
    tableOf(items, {
      TOPIC: ({ topic }) => topic,
      GROUP: ({ group }) => group,
      PAUSED: ({ paused }) => (paused ? 'YES' : 'no'),
      UNTIL: ({ pause }) => pause?.until,
      BY: ({ pause }) => pause?.by,
      REASON: ({ pause }) => pause?.reason,
      CONCURRENCY: ({ concurrency }) => concurrency,
      'PER SECOND': ({ ratePerSecond }) => ratePerSecond,
      STATE: ({ consumers }) => [...new Set(consumers.map(({ state }) => state))].join(', '),
      'KILL SWITCH': ({ consumers }) =>
        consumers.some((one) => one.killSwitch?.isOpen) ? 'OPEN' : undefined,
      'HOLDS FOR': ({ scope }) => (scope === 'process' ? 'this process' : 'all processes'),
    }).forEach(out);
  for (const { topic, group } of items.filter(({ isCurrent }) => !isCurrent))
    err(plain(`The control store does not answer: what is shown of ${topic}, ${group} may be old.`));
}
