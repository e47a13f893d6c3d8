import { loadClient } from '../../../../core/messaging/transport-kit/load-client.js';
import type * as ioredis from 'ioredis';
import { patchLateTlsErrors } from './patch-late-tls-errors.js';

export type { Cluster, Redis } from 'ioredis';

/** Without `replyMapping`, which would change the types of replies. */
export type IoredisOptions = Omit<ioredis.RedisOptions, 'replyMapping'>;

type Ioredis = typeof ioredis;

/** Loads ioredis, an optional peer dependency. Throws as {@link loadClient}. */
export async function loadIoredis(load: () => Promise<unknown> = () => import('ioredis')): Promise<Ioredis> {
  const client = await loadClient<Ioredis>({
    usedBy: 'Redis needs',
    name: 'ioredis',
    range: '^5.4.1 || ^6.0.0',
    install: 'ioredis@6',
    load,
    isSupported: ({ Redis }: Partial<Ioredis>) => Redis !== undefined, // since 5
  });
  patchLateTlsErrors(client.Redis);
  return client;
}
