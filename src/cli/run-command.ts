import { type CommandGroup, EXIT, type ExitCode, type Terminal, UsageError } from './command.js';

/** By its first word. Each is loaded only when it is used, because it needs packages that others do not. */
const GROUPS: Readonly<Record<string, () => Promise<CommandGroup>>> = {
  'dead-letters': async () => (await import('./api/api-commands.js')).listCommand('dead-letters'),
  'dead-letter-groups': async () => (await import('./api/api-commands.js')).listCommand('dead-letter-groups'),
  'consumer-groups': async () => (await import('./api/api-commands.js')).listCommand('consumer-groups'),
  transports: async () => (await import('./api/api-commands.js')).listCommand('transports'),
  subscriptions: async () => (await import('./api/subscriptions-command.js')).subscriptionsCommand,
  replay: async () => (await import('./api/operations-command.js')).replayCommand,
  operations: async () => (await import('./api/operations-command.js')).operationsCommand,
  health: async () => (await import('./api/overview-command.js')).healthCommand,
  overview: async () => (await import('./api/overview-command.js')).overviewCommand,
  why: async () => (await import('./api/why-command.js')).whyCommand,
  openapi: async () => (await import('./api/api-commands.js')).openApiCommand,
  embedded: async () => (await import('./embedded/embedded-command.js')).embeddedCommand,
};

const PROCESS: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
};

/** Runs the command of this command line and returns what the process ends with. Never rejects. */
export async function runCommand(args: readonly string[], terminal: Terminal = PROCESS): Promise<ExitCode> {
  const [name = '', ...rest] = args;
  if (isHelp(name)) {
    terminal.out(await helpOfAll());
    return EXIT.ok;
  }
  const load = Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined;
  if (load) return runGroup(await load(), rest, terminal);
  terminal.err(
    `${name === '' ? 'Name a command.' : `There is no command "${name}".`}\n\n${await helpOfAll()}`,
  );
  return EXIT.usage;
}

async function runGroup(group: CommandGroup, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (args.some(isHelp)) {
    terminal.out(group.usage);
    return EXIT.ok;
  }
  try {
    return await group.run(args, terminal);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const isUsage = error instanceof UsageError || isParseError(error);
    terminal.err(isUsage ? `${text}\n\n${group.usage}` : `switchyard: ${text}`);
    return isUsage ? EXIT.usage : EXIT.failed;
  }
}

function isHelp(arg: string): boolean {
  return arg === '--help' || arg === '-h';
}

async function helpOfAll(): Promise<string> {
  const groups = await Promise.all(Object.values(GROUPS).map((load) => load()));
  return groups.map(({ usage }) => usage).join('\n\n');
}

/** Of `parseArgs`, for an option that there is not. */
function isParseError(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS_');
}
