import { setTimeout as wait } from 'node:timers/promises';
import { waitUntil } from '../../../../../test/support/brokers/wait-until.js';
import { memoryTransport } from '../../../../../test/support/messaging-app.js';
import { SeverableTransport } from '../../../../testing/severable-transport.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { spooledOptionsSchema } from './spooled.options.js';
import { SpooledTransport } from './spooled.transport.js';

it('keeps what it sends until the broker has taken it', async () => {
  const broker = new SeverableTransport(memoryTransport('broker'), () => undefined);
  const disk = Object.assign(new SeverableTransport(memoryTransport('disk'), () => undefined), {
    durability: 'acknowledged' as const, // takes it for a disk
  });
  const settings = spooledOptionsSchema.parse({ probeIntervalMs: 50, maxProbeIntervalMs: 100 });
  const context = { name: 'main', clock: systemClock, onEvent: () => undefined };
  const spooled = new SpooledTransport({ transport: broker, spool: disk }, settings, context);
  await spooled.connect();
  await broker.sever();
  const message = { id: 'm', headers: {}, body: Buffer.from('x') };
  const [outcome] = await spooled.publish({ topic: 't' }, [message], { deadlineMs: 1_000 });
  expect(outcome?.trail?.status).toBe('spooled');
  let taken = (): void => undefined;
  const sending = jest.spyOn(broker, 'publish').mockImplementation(async () => {
    await new Promise<void>((resolve) => (taken = resolve));
    return [{ kind: 'accepted' }];
  });
  await broker.restore();
  await waitUntil('it is sent', async () => sending.mock.calls.length > 0);
  const kept = async (): Promise<number> => {
    const { ready, inFlight } = await disk.backlog({ topic: 'spool.main', group: 'drain' });
    return ready + inFlight;
  };
  await wait(50);
  expect(await kept()).toBe(1);
  taken();
  await waitUntil('it is gone from the spool', async () => (await kept()) === 0);
  await spooled.close();
});
