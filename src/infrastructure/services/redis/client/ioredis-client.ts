import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type * as ioredis from 'ioredis';

export type { Cluster, Redis } from 'ioredis';

/** Without `replyMapping`, which would change the types of replies. */
export type IoredisOptions = Omit<ioredis.RedisOptions, 'replyMapping'>;

type Ioredis = typeof ioredis;

/** Loads ioredis, an optional peer dependency. Throws `DEPENDENCY_MISSING` when it is not installed. */
export async function loadIoredis(load: () => Promise<unknown> = () => import('ioredis')): Promise<Ioredis> {
  try {
    return (await load()) as Ioredis;
  } catch {
    throw new MessagingError(
      'DEPENDENCY_MISSING',
      'Redis needs the package "ioredis", which cannot be loaded. Install it: npm install ioredis@6',
    );
  }
}
