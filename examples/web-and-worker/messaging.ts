import type { SwitchyardOptions } from 'switchyard';

/** The same for both processes. */
export const messaging = {
  service: 'shop',
  transports: { main: { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' } },
  deadLetters: { store: 'redis' },
  idempotency: { store: 'redis' },
} satisfies SwitchyardOptions;
