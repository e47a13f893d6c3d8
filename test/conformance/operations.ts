import { AuditLog } from '../../src/core/messaging/dead-letters/audit-log.js';
import type { OperationItem } from '../../src/core/messaging/operations/operation.js';
import { OperationsService } from '../../src/core/messaging/operations/operations.service.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { ControlStore } from '../../src/core/messaging/ports/control-store.js';
import type { DeadLetterStore } from '../../src/core/messaging/ports/dead-letter-store.js';
import type { WireMessage } from '../../src/core/messaging/ports/transport.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { by, deadLetter } from '../support/dead-letter-desk.js';

export interface OperationStores {
  readonly control: ControlStore;
  readonly letters: DeadLetterStore;
}

const UNAVAILABLE = Object.assign(new Error('away'), { code: 'STORE_UNAVAILABLE' });

/** What operations owe their callers on these stores, as tests. */
export function describeOperations(name: string, open: () => Promise<OperationStores>): void {
  describe(`${name} with operations`, () => {
    let stores: OperationStores;
    let sent: string[];
    let processes: OperationsService[];

    beforeEach(async () => {
      sent = [];
      processes = [];
      stores = await open();
      await Promise.all([stores.control.connect(), stores.letters.connect()]);
    });
    afterEach(async () => {
      jest.restoreAllMocks();
      await Promise.all(processes.map((one) => one.onModuleDestroy()));
      await Promise.all([stores.control.close(), stores.letters.close()]);
    });

    const start = async (control: ControlStore = stores.control): Promise<OperationsService> => {
      const emit = (): void => undefined;
      const publisher = {
        publish: async (transport: string, _to: object, { id }: WireMessage) => {
          sent.push(id);
          return { transport, outcome: { kind: 'accepted' as const } };
        },
      };
      const audit = new AuditLog(systemClock, emit, undefined);
      const one = new OperationsService(control, stores.letters, publisher, emit, systemClock, audit);
      processes.push(one);
      await one.start();
      return one;
    };
    const park = async (count: number): Promise<string[]> => {
      const ids: string[] = [];
      for (let n = 0; n < count; n++)
        ids.push(await stores.letters.add(deadLetter(n, systemClock.now() - 1_000)));
      return ids;
    };
    const ended = async (one: OperationsService, id: string, withinMs: number): Promise<void> =>
      waitUntil(
        'the operation has ended',
        async () => (await one.find(id)).finishedAt !== undefined,
        withinMs,
      );
    const itemsOf = async (one: OperationsService, id: string): Promise<OperationItem[]> => {
      const items: OperationItem[] = [];
      for (let after: number | undefined = 0; after !== undefined;) {
        const page: Awaited<ReturnType<OperationsService['items']>> = await one.items(id, after);
        items.push(...page.items);
        after = page.next;
      }
      return items;
    };

    it('archives a selection of several parts, and has a result for each letter', async () => {
      const ids = await park(1_100);
      const one = await start();
      const { id } = await one.create({
        kind: 'archive',
        selection: { filter: {} },
        ratePerSecond: 500,
        ...by,
      });
      await ended(one, id, 30_000);
      expect(await one.find(id)).toMatchObject({ state: 'completed', counts: { succeeded: 1_100 } });
      const items = await itemsOf(one, id);
      expect(items.map((item) => item.id).sort()).toEqual([...ids].sort());
      expect(items.every(({ result }) => result === 'succeeded')).toBe(true);
      expect(await stores.letters.count({ status: 'archived' })).toBe(1_100);
    }, 60_000);

    it('continues in another process when the one that works on it is cut off, and sends none twice', async () => {
      await park(150);
      let isCut = false;
      const own = new Proxy(stores.control, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]): unknown =>
            isCut ? Promise.reject(UNAVAILABLE) : Reflect.apply(value, target, args);
        },
      });
      const first = await start(own);
      const { id } = await first.create({
        kind: 'replay',
        selection: { filter: {} },
        ratePerSecond: 30,
        ...by,
      });
      await waitUntil('some are sent', async () => sent.length >= 40, 10_000);
      isCut = true;
      const other = await start();
      await waitUntil('all are sent', async () => sent.length >= 150, 40_000);
      await ended(other, id, 40_000);
      expect(await other.find(id)).toMatchObject({ state: 'completed', counts: { done: 150 } });
      expect(sent.sort()).toEqual(Array.from({ length: 150 }, (_, n) => `m-${n}`).sort());
    }, 100_000);

    it('waits while the letters cannot be read, and forgets none', async () => {
      await park(60);
      const one = await start();
      const find = stores.letters.find.bind(stores.letters);
      const { id } = await one.create({
        kind: 'archive',
        selection: { filter: {} },
        ratePerSecond: 30,
        ...by,
      });
      await waitUntil(
        'some are done',
        async () => (await stores.letters.count({ status: 'archived' })) > 10,
        10_000,
      );
      const away = jest.spyOn(stores.letters, 'find').mockRejectedValue(UNAVAILABLE);
      await waitUntil(
        'it says why',
        async () => (await one.find(id)).errorCode === 'STORE_UNAVAILABLE',
        10_000,
      );
      away.mockImplementation(find);
      await ended(one, id, 30_000);
      expect(await one.find(id)).toMatchObject({ state: 'completed', counts: { succeeded: 60, failed: 0 } });
    }, 60_000);
  });
}
