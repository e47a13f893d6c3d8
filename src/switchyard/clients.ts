import type { SwitchyardSettings } from '../config/switchyard-settings.js';
import type { Drivers } from './drivers.js';

type ClientKind = 'embedded' | 'redis' | 'rabbitmq' | 'kafka';

/** One sentence for each client that the settings need and that cannot be used, with the first key that needs it. */
export async function problemsOfClients(
  settings: SwitchyardSettings,
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

function clientsOf({
  transports,
  deadLetters,
  idempotency,
}: SwitchyardSettings): ReadonlyMap<ClientKind, string> {
  const uses = [
    ...Object.entries(transports).map(
      ([name, options]) =>
        [typeof options === 'function' ? '' : options.kind, `transports.${name}.kind`] as const,
    ),
    [deadLetters.store, 'deadLetters.store'] as const,
    [idempotency.store, 'idempotency.store'] as const,
  ];
  const needed = new Map<ClientKind, string>();
  for (const [kind, key] of uses) {
    if (kind !== 'embedded' && kind !== 'redis' && kind !== 'rabbitmq' && kind !== 'kafka') continue;
    if (!needed.has(kind)) needed.set(kind, key);
  }
  return needed;
}
