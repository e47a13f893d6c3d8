import type { SwitchyardSettings } from '../config/switchyard-settings.js';
import type { Drivers } from './drivers.js';

type ClientKind = 'embedded' | 'redis' | 'rabbitmq' | 'kafka';

/** What names transports and stores, in settings or in options that are not checked yet. */
type Uses = Readonly<Partial<Record<keyof SwitchyardSettings, unknown>>>;

/** One sentence for each client that is needed and that cannot be used, with the first key that needs it. */
export async function problemsOfClients(
  settings: Uses,
  drivers: Pick<Drivers, ClientKind>,
): Promise<readonly string[]> {
  const needed = clientsOf(settings);
  const checks = [...needed].map(async ([kind, key]) => {
    try {
      await drivers[kind].loadClient();
      return [];
    } catch (error) {
      return [`${key} is ${kind}. ${(error as Error).message}`];
    }
  });
  return (await Promise.all(checks)).flat();
}

function clientsOf({ transports, deadLetters, idempotency, control }: Uses): ReadonlyMap<ClientKind, string> {
  const names = typeof transports === 'object' && transports !== null ? Object.entries(transports) : [];
  const uses = [
    ...names.map(([name, options]) => [valueOf(options, 'kind'), `transports.${name}.kind`] as const),
    [valueOf(deadLetters, 'store'), 'deadLetters.store'] as const,
    [valueOf(idempotency, 'store'), 'idempotency.store'] as const,
    [valueOf(control, 'store'), 'control.store'] as const,
  ];
  const needed = new Map<ClientKind, string>();
  for (const [kind, key] of uses) {
    if (kind !== 'embedded' && kind !== 'redis' && kind !== 'rabbitmq' && kind !== 'kafka') continue;
    if (!needed.has(kind)) needed.set(kind, key);
  }
  return needed;
}

function valueOf(group: unknown, key: string): unknown {
  return typeof group === 'object' && group !== null ? (group as Record<string, unknown>)[key] : undefined;
}
