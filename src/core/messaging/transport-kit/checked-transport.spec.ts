import { ManualClock } from '../../../exports/testing.js';
import type {
  Consumer,
  Destination,
  PublishOutcome,
  TransportContext,
  WireMessage,
} from '../ports/transport.js';
import { CheckedTransport, type TransportDriver } from './checked-transport.js';
import { ConnectionState } from './connection-state.js';
import { type AbandonableConsumer, ConsumerSet } from './consumer-set.js';

const BUSY = new Promise<void>(() => undefined);
const OPTIONS = { deadlineMs: 1_000 };

class TestConsumer implements AbandonableConsumer {
  isAbandoned = false;

  constructor(private readonly stopped: Promise<void>) {}

  stop(): Promise<void> {
    return this.stopped;
  }

  abandon(): void {
    this.isAbandoned = true;
  }
}

function setUp({ stopped = Promise.resolve(), start = async (): Promise<void> => undefined } = {}) {
  const log: string[] = [];
  const clock = new ManualClock();
  const context: TransportContext = { name: 'test', clock, onEvent: ({ type }) => log.push(type) };
  const state = new ConnectionState(context);
  const consumer = new TestConsumer(stopped);
  const driver: TransportDriver<TestConsumer> = {
    system: 'none',
    durability: 'memory',
    maxMessageBytes: 100,
    consumers: new ConsumerSet<TestConsumer>(),
    connect: async () => state.changed(true),
    publish: async (to: Destination, messages: readonly WireMessage[]): Promise<PublishOutcome[]> => {
      log.push(`publish ${to.topic}: ${messages.map(({ id }) => id).join()}`);
      return messages.map(() => ({ kind: 'accepted' }));
    },
    consumer: () => consumer,
    start,
    backlog: async () => ({ ready: 0, inFlight: 0, delayed: 0 }),
    ping: () => Promise.reject(new Error('raw')),
    closing: () => log.push('closing'),
    close: async () => void log.push('close'),
    explain: (cause) => new Error(`explained: ${(cause as Error).message}`),
  };
  class TestTransport extends CheckedTransport<TestConsumer> {
    constructor() {
      super(driver, state, context);
    }
  }
  const consume = (): Promise<Consumer> =>
    transport.consume({ topic: 't', group: 'g', concurrency: 1, ordering: 'none' }, async () => ({
      kind: 'ack',
    }));
  const transport = new TestTransport();
  return { transport, driver, state, consumer, consume, clock, log };
}

const messageOf = (id: string, bytes: number): WireMessage => ({
  id,
  headers: {},
  body: Buffer.alloc(bytes),
});

describe('a checked transport', () => {
  it('refuses what is too large, and publishes the rest in its order', async () => {
    const { transport, log } = setUp();
    const messages = [messageOf('a', 1), messageOf('b', 200), messageOf('c', 1), messageOf('d', 100)];
    const outcomes = await transport.publish({ topic: 't' }, messages, OPTIONS);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'refused', 'accepted', 'refused']);
    expect(log).toEqual(['publish t: a,c']);
  });

  it('counts headers, id and key as well', async () => {
    const { transport } = setUp();
    const message = { ...messageOf('abcde', 80), key: 'key45', headers: { head: 'value' } };
    const fits = await transport.publish({ topic: 't' }, [message], OPTIONS);
    expect(fits).toMatchObject([{ kind: 'accepted' }]);
    const long = { ...message, headers: { head: 'value-7' } };
    const refused = await transport.publish({ topic: 't' }, [long], OPTIONS);
    expect(refused).toMatchObject([{ kind: 'refused', error: { code: 'MESSAGE_TOO_LARGE' } }]);
    expect(String((refused[0] as { error?: unknown }).error)).toContain('101 bytes');
  });

  it.each([{ topic: 'a..b' }, { topic: 'ok', group: '-no' }])('refuses the destination %j', async (to) => {
    const { transport, log } = setUp();
    const outcomes = await transport.publish(to, [messageOf('a', 1)], OPTIONS);
    expect(outcomes).toMatchObject([{ kind: 'refused', error: { code: 'TOPIC_INVALID' } }]);
    expect(log).toEqual([]);
  });

  it('explains what the driver rejects with', async () => {
    await expect(setUp().transport.ping()).rejects.toThrow('explained: raw');
  });

  it('does nothing once it is closed', async () => {
    const { transport, consume, log } = setUp();
    await transport.connect();
    await Promise.all([transport.close(), transport.close()]);
    expect(log).toEqual(['connected', 'closing', 'close', 'disconnected']);
    const [outcome] = await transport.publish({ topic: 't' }, [messageOf('a', 1)], OPTIONS);
    expect(outcome).toMatchObject({ kind: 'unavailable', error: { code: 'TRANSPORT_CLOSED' } });
    const closed = { code: 'TRANSPORT_CLOSED' };
    await expect(transport.connect()).rejects.toMatchObject(closed);
    await expect(consume()).rejects.toMatchObject(closed);
    await expect(transport.backlog({ topic: 't', group: 'g' })).rejects.toMatchObject(closed);
  });

  it('emits no state that changes while it closes', async () => {
    const { transport, consume, state, clock, log } = setUp({ stopped: BUSY });
    await transport.connect();
    await consume();
    const closing = transport.close();
    state.changed(false, new Error('lost'));
    await clock.advance(5_000);
    await closing;
    expect(log).toEqual(['connected', 'closing', 'close', 'disconnected']);
  });

  it('waits for its consumers when it closes, and abandons those that take too long', async () => {
    const { transport, consume, consumer, clock, log } = setUp({ stopped: BUSY });
    await consume();
    const closing = transport.close();
    await clock.advance(4_999);
    expect(log).toEqual(['closing']);
    expect(consumer.isAbandoned).toBe(false);
    await clock.advance(1);
    await closing;
    expect(consumer.isAbandoned).toBe(true);
    expect(log).toEqual(['closing', 'close']);
  });

  it('abandons a consumer that cannot start', async () => {
    const { driver, consume, consumer } = setUp({ start: () => Promise.reject(new Error('no')) });
    await expect(consume()).rejects.toThrow('explained: no');
    expect(consumer.isAbandoned).toBe(true);
    expect([...driver.consumers]).toEqual([]);
  });
});
