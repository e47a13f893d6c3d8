import { homedir } from 'node:os';
import { join } from 'node:path';

const FILES = { '6.2': 'redis-server-6.2.6-v5-linux-amd64', '2.8': 'redis-server-2.8.19' };

/** Path of a server of the oldest series that is supported, or of one that is too old: `npm run brokers -- old-redis`. */
export function oldRedisServer(series: keyof typeof FILES): string {
  return join(homedir(), '.cache', 'switchyard', 'old-redis', FILES[series]);
}
