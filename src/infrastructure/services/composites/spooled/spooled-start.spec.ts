import { waitUntil } from '../../../../../test/support/brokers/wait-until.js';
import { HandClock, settle } from '../../../../../test/support/hand-clock.js';
import { memoryTransport } from '../../../../../test/support/messaging-app.js';
import { spooledOptionsSchema } from './spooled.options.js';
import { SpooledTransport } from './spooled.transport.js';

it('starts without a transport that takes long to be reached, and sends what was spooled when it is there', async () => {
  const clock = new HandClock();
  const broker = memoryTransport('broker');
  const connect = broker.connect.bind(broker);
  let reach = (): void => undefined;
  jest.spyOn(broker, 'connect').mockImplementation(async () => {
    await new Promise<void>((resolve) => (reach = resolve));
    await connect();
  });
  const disk = Object.assign(memoryTransport('disk'), { durability: 'acknowledged' as const }); // takes it for a disk
  const context = { name: 'main', clock, onEvent: () => undefined };
  const spooled = new SpooledTransport(
    { transport: broker, spool: disk },
    spooledOptionsSchema.parse({}),
    context,
  );
  let isUp = false;
  const starting = spooled.connect().then(() => (isUp = true));
  await settle();
  await clock.advance(4_999);
  expect(isUp).toBe(false);
  await clock.advance(1);
  await starting;
  const seen: string[] = [];
  const subscription = { topic: 't', group: 'g', concurrency: 1, ordering: 'none' } as const;
  await spooled.consume(subscription, async ({ message: { id } }) => {
    seen.push(id);
    return { kind: 'ack' };
  });
  const message = { id: 'm', headers: {}, body: Buffer.from('x') };
  const [outcome] = await spooled.publish({ topic: 't' }, [message], { deadlineMs: 1_000 });
  expect(outcome?.trail?.status).toBe('spooled');
  reach();
  await waitUntil('it is sent', async () => {
    await clock.advance(1_000);
    return seen.length === 1;
  });
  expect(spooled.state()).toMatchObject({ active: ['broker'], spool: { messages: 0 } });
  await spooled.close();
});
