import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  type PayloadOf,
  systemClock,
} from '../../src/core/messaging/index.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { balancedOptionsSchema } from '../../src/infrastructure/services/composites/balanced/balanced.options.js';
import { BalancedTransport } from '../../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { spoolOn } from '../faults/spool-bench.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';
import { SeverableTransport } from '../../src/testing/severable-transport.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const Booking = z.object({ account: z.string(), nth: z.number() });
const key = ({ account }: z.output<typeof Booking>): string => account;
const Booked = defineMessage('accounts.booked', Booking, { key, ordering: 'strict' });
const Viewed = defineMessage('accounts.viewed', Booking, { key });

const probes = { probeIntervalMs: 50, maxProbeIntervalMs: 100 };
const data = temporaryDirectory();
afterEach(closeApps);
afterAll(() => data.remove());

const contextOf = (name: string) => ({ name, clock: systemClock, onEvent: () => undefined });
const member = (name: string) => new SeverableTransport(memoryTransport(name), () => undefined);

function failoverOf(members: readonly Transport[]): FailoverTransport {
  const options = failoverOptionsSchema.parse({ ...probes, failBackAfterMs: 60_000 });
  return new FailoverTransport(members, options, contextOf('brokers'));
}

async function boot(transport: Transport) {
  const handled: z.output<typeof Booking>[] = [];
  @Injectable()
  class Accounts {
    @MessageHandler(Booked, { ordering: 'key', concurrency: 8 })
    booked(booking: PayloadOf<typeof Booked>): void {
      handled.push(booking);
    }

    @MessageHandler(Viewed)
    viewed(): void {
      // only published
    }
  }
  const { messaging } = await bootApp({ providers: [Accounts] }, { transports: [transport] });
  const book = (account: string, nth: number) => messaging.publish(Booked, { account, nth });
  const view = () => messaging.publish(Viewed, { account: 'a', nth: 0 });
  const nthsOf = (name: string) => handled.filter(({ account }) => account === name).map(({ nth }) => nth);
  return { book, view, nthsOf };
}

describe('messages in strict order', () => {
  it('wait in the spool for their broker while all others use the next one', async () => {
    const [first, second] = [member('first'), member('second')];
    const spooled = new SpooledTransport(
      { transport: failoverOf([first, second]), spool: spoolOn(data.path) },
      spooledOptionsSchema.parse(probes),
      contextOf('main'),
    );
    const moved = jest.spyOn(second, 'publish');
    const { book, view, nthsOf } = await boot(spooled);
    expect(await book('a', 0)).toMatchObject({ status: 'accepted', transport: 'first' });
    await first.sever();
    for (let nth = 1; nth <= 20; nth += 1)
      expect(await book(nth % 2 === 0 ? 'a' : 'b', nth)).toMatchObject({ status: 'spooled' });
    await waitUntil('others move', async () => (await view()).transport === 'second');
    expect(await view()).toMatchObject({ status: 'accepted', transport: 'second' });
    expect(spooled.state()).toMatchObject({ active: ['brokers'], spool: { messages: 20 } });
    await first.restore();
    await waitUntil('it goes to its broker again', async () => {
      const { status, transport } = await book('c', 0);
      return status === 'accepted' && transport === 'first'; // although no fail-back is due
    });
    expect(await book('a', 21)).toMatchObject({ messageId: expect.any(String) as string });
    await waitUntil('everything is handled', async () => nthsOf('a').length === 12);
    expect(nthsOf('a')).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21]);
    expect(nthsOf('b')).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    expect(new Set(moved.mock.calls.map(([{ topic }]) => topic))).toEqual(new Set([Viewed.name]));
    expect(await view()).toMatchObject({ transport: 'second' });
  });

  it('are unavailable while their broker does not work and there is no spool', async () => {
    const [first, second] = [member('first'), member('second')];
    const failover = failoverOf([first, second]);
    const { book } = await boot(failover);
    await first.sever();
    await waitUntil('others move', async () => failover.active === 'second');
    await expect(book('a', 1)).rejects.toThrow(/"first" is unavailable.*keep their order/s);
    await first.restore();
    await waitUntil('it works', async () =>
      book('a', 1).then(
        ({ transport }) => transport === 'first',
        () => false,
      ),
    );
  });

  it('go where an operator wants everything to go', async () => {
    const failover = failoverOf([member('first'), member('second')]);
    const { book } = await boot(failover);
    failover.override({ action: 'use', member: 'second', forMs: 60_000 });
    expect(await book('a', 1)).toMatchObject({ transport: 'second' });
  });

  it('stay with the owner of their key where several share the load', async () => {
    const members = ['first', 'second', 'third'].map(member);
    const balanced = new BalancedTransport(members, balancedOptionsSchema.parse(probes), contextOf('main'));
    const { book } = await boot(balanced);
    const accounts = Array.from({ length: 30 }, (_, nth) => `account ${nth}`);
    const where = async (): Promise<(string | undefined)[]> =>
      Promise.all(
        accounts.map((account) =>
          book(account, 0).then(
            ({ transport }) => transport,
            () => undefined,
          ),
        ),
      );
    const owners = await where();
    expect(new Set(owners).size).toBe(3);
    await members[1]?.sever();
    await waitUntil('it is left out', async () => balanced.state().active.length === 2);
    expect(await where()).toEqual(owners.map((owner) => (owner === 'second' ? undefined : owner)));
  });

  it('need a key', async () => {
    const Keyless = defineMessage('accounts.closed', Booking, { ordering: 'strict' });
    await expect(bootApp({}, { transports: [memoryTransport('main')], messages: [Keyless] })).rejects.toThrow(
      /"accounts.closed" wants strict order and has no key/,
    );
  });
});
