import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Transport } from '../../src/core/messaging/index.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil, waitWhileMoving } from '../support/brokers/wait-until.js';
import { closeApps } from '../support/messaging-app.js';
import { bootControlled, DatabaseDown, Ledger, PROBE_MS, publishOrdered } from './control-faults.js';

const OUTAGE_MS = 60_000;
const CONCURRENCY = 8;

/** Its handlers write each message to a Redis server. */
class DatabaseLedger extends Ledger {
  readonly #client: Redis;

  constructor({ clientOptions }: RedisServer) {
    super();
    this.#client = new Redis({
      ...clientOptions,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: () => 200,
    });
    this.#client.on('error', () => undefined); // each query reports it
  }

  close(): void {
    this.#client.disconnect();
  }

  protected override async work(): Promise<void> {
    try {
      await this.#client.incr('handled');
    } catch (error) {
      throw new DatabaseDown('The database does not answer.', { cause: error });
    }
  }
}

/** The database of the handlers is killed, and is back after a minute, under load, as a test. */
export function describeDatabaseOutage(name: string, open: (connection: string) => Promise<Transport>): void {
  it(`${name}: a minute without the database of a handler parks nothing, uses no attempt, and all is handled afterwards`, async () => {
    const database = await startRedis();
    const ledger = new DatabaseLedger(database);
    try {
      const app = await bootControlled({ ledger, transport: await open('database') });
      const over = new AbortController();
      let published = 0;
      const publishing = (async () => {
        for (; !over.signal.aborted; published += 10) {
          await publishOrdered(app, published, 10);
          await sleep(50);
        }
      })();
      await waitUntil('some are handled', async () => ledger.handled.length > 50);
      await database.kill();
      await waitUntil('the switch is open', async () => app.subscription().killSwitch?.isOpen === true);
      const [calls, since] = [ledger.calls, performance.now()];
      await sleep(OUTAGE_MS);
      const probes = Math.ceil((performance.now() - since) / PROBE_MS);
      // Those that were in the handler when it opened end as well.
      expect(ledger.calls - calls).toBeLessThanOrEqual(probes + CONCURRENCY);
      expect(app.subscription()).toMatchObject({
        state: 'running',
        killSwitch: { isOpen: true, errorType: 'DatabaseDown' },
      });
      await database.restart();
      await waitUntil('the switch is closed', async () => app.subscription().killSwitch?.isOpen === false);
      over.abort();
      await publishing;
      await waitWhileMoving(
        'all are handled',
        async () => ledger.handled.length >= published,
        () => ledger.handled.length,
      );
      expect(published).toBeGreaterThan(500);
      expect(new Set(ledger.handled.map(({ nth }) => nth)).size).toBe(published);
      expect({
        handledAgain: ledger.handled.length - published,
        attemptsUsed: ledger.attemptsUsed,
        deadLetters: await app.deadLetters.count({}),
        failed: app.events.filter(({ type }) => type === 'failed'),
      }).toEqual({ handledAgain: 0, attemptsUsed: [], deadLetters: 0, failed: [] });
    } finally {
      await closeApps();
      ledger.close();
      await database.stop();
    }
  }, 240_000);
}
