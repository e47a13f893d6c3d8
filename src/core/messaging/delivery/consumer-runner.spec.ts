import { deliveryOf, entryOf, GOOD, RecordingSink } from '../../../../test/support/deliveries.js';
import { memoryTransport } from '../../../../test/support/messaging-app.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { DEFAULT_MESSAGE_LIMITS } from '../message/message-limits.js';
import type { MessagingEvent } from '../observing/events.js';
import type { NewDeadLetter } from '../ports/dead-letter-store.js';
import { MessagingError, PermanentError } from '../ports/errors.js';
import type { OnDelivery, Transport, TransportProblem } from '../ports/transport.js';
import { ConsumerRunner } from './consumer-runner.js';
import { DeliveryProcessor } from './delivery-processor.js';

const FORBIDDEN = new MessagingError('FORBIDDEN', 'The user may not read the stream.');

/** A store of dead letters that does not answer while it hangs. */
class HangingSink extends RecordingSink {
  hangs = false;
  release = (): void => undefined;

  override async park(deadLetter: NewDeadLetter): Promise<void> {
    if (this.hangs) await new Promise<void>((resolve) => (this.release = resolve));
    return super.park(deadLetter);
  }
}

/** A transport whose `consume` answers as the test says. */
function setUp(overrides: Partial<HandlerEntry> = {}) {
  const clock = new ManualClock();
  const sink = new HangingSink();
  const events: MessagingEvent[] = [];
  const emit = (event: MessagingEvent) => void events.push(event);
  const broker = {
    refusal: undefined as Error | undefined,
    starts: 0,
    stops: 0,
    problems: [] as TransportProblem[],
    isDown: false,
    hangs: false,
    deliver: undefined as OnDelivery | undefined,
  };
  const transport: Transport = Object.assign(memoryTransport('main'), {
    consume: async (_: unknown, onDelivery: OnDelivery) => {
      broker.starts += 1;
      if (broker.refusal) throw broker.refusal;
      while (broker.hangs) await new Promise<void>((resolve) => clock.schedule(1_000, resolve));
      broker.deliver = onDelivery;
      return { stop: async () => void (broker.stops += 1) };
    },
    problems: () => broker.problems,
  });
  const processor = new DeliveryProcessor({
    parking: sink,
    idempotency: undefined,
    limits: DEFAULT_MESSAGE_LIMITS,
    clock,
    emit,
  });
  const runner = new ConsumerRunner([entryOf(overrides)], () => [transport], {
    deliveries: processor,
    requests: { process: () => Promise.reject(new Error('no requests here')) },
    clock,
    emit,
    isDown: (name) => name === 'main' && broker.isDown,
  });
  const reported = () =>
    events.flatMap((event) =>
      event.type === 'transport' && 'problem' in event.event
        ? [`${event.event.type} ${event.event.problem.code}`]
        : [],
    );
  const states = () => runner.subscriptions().map(({ state }) => state);
  return { clock, sink, broker, transport, runner, reported, states };
}

describe('consumers', () => {
  it('are started again until they run, and the reason is reported once while it stays the same', async () => {
    const { clock, broker, transport, runner, reported, states } = setUp();
    broker.refusal = FORBIDDEN;
    const started = runner.startPatiently(transport);
    await clock.advance(15_000);
    expect(broker.starts).toBeGreaterThan(3);
    expect(states()).toEqual(['starting']);
    expect(runner.problems()).toEqual([
      {
        transport: 'main',
        code: 'consumer_not_started',
        topic: 'orders.placed',
        group: 'billing',
        reason: 'FORBIDDEN',
        detail: expect.stringContaining('The user may not read the stream.'),
      },
    ]);
    expect(reported()).toEqual(['problem consumer_not_started']);
    broker.refusal = new MessagingError('CONFLICT', 'The queue is a classic one.');
    await clock.advance(15_000);
    expect(reported()).toHaveLength(2);
    broker.refusal = undefined;
    await clock.advance(15_000);
    await started;
    expect(states()).toEqual(['running']);
    expect(runner.problems()).toEqual([]);
    expect(reported().at(-1)).toBe('problem-solved consumer_not_started');
  });

  it('that wait for their next start are not started after a stop', async () => {
    const { clock, broker, transport, runner, states } = setUp();
    broker.refusal = FORBIDDEN;
    const started = runner.startPatiently(transport);
    await clock.advance(0);
    await runner.stop();
    await started;
    const { starts } = broker;
    await clock.advance(60_000);
    expect(broker.starts).toBe(starts);
    expect(states()).toEqual(['stopped']);
    expect(clock.pending).toBe(0);
  });

  it('reject the start where it is required', async () => {
    const { broker, transport, runner } = setUp();
    broker.refusal = FORBIDDEN;
    await expect(runner.start(transport)).rejects.toBe(FORBIDDEN);
  });

  it('cannot start while their transport cannot be connected, and each reason is reported once', async () => {
    const { broker, transport, runner, reported } = setUp();
    for (const error of [FORBIDDEN, FORBIDDEN, new Error('another')]) runner.unreachable(transport, error);
    expect(reported()).toEqual(['problem consumer_not_started', 'problem consumer_not_started']);
    expect(runner.problems()).toMatchObject([
      { code: 'consumer_not_started', transport: 'main', topic: 'orders.placed', group: 'billing' },
    ]);
    await runner.start(transport);
    expect(broker.starts).toBe(1);
    expect(runner.problems()).toEqual([]);
    expect(reported().at(-1)).toBe('problem-solved consumer_not_started');
  });

  it('whose start gets no answer are reported within 15 s', async () => {
    const { clock, broker, transport, runner, reported } = setUp();
    broker.hangs = true;
    const started = runner.startPatiently(transport);
    await clock.advance(15_000);
    expect(reported()).toEqual(['problem consumer_not_started']);
    broker.hangs = false;
    await clock.advance(1_000);
    await started;
    expect(broker.starts).toBe(1);
    expect(reported()).toEqual(['problem consumer_not_started', 'problem-solved consumer_not_started']);
  });

  it('are interrupted while their transport is down', async () => {
    const { broker, transport, runner, states } = setUp();
    await runner.start(transport);
    broker.isDown = true;
    expect(states()).toEqual(['interrupted']);
    broker.isDown = false;
    expect(states()).toEqual(['running']);
  });

  it('have no problem any more once they are stopped', async () => {
    const { broker, clock, transport, runner, reported } = setUp();
    broker.refusal = FORBIDDEN;
    const started = runner.startPatiently(transport);
    await clock.advance(0);
    await runner.stop();
    await started;
    expect(runner.problems()).toEqual([]);
    expect(reported().at(-1)).toBe('problem-solved consumer_not_started');
  });

  it('are interrupted while their transport reports it, and running afterwards', async () => {
    const { broker, transport, runner, states } = setUp();
    await runner.start(transport);
    const lost = { code: 'consumer_interrupted', topic: 'orders.placed', detail: 'NOPERM' };
    broker.problems = [{ ...lost, group: 'other' }];
    expect(states()).toEqual(['running']);
    broker.problems = [{ ...lost, group: 'billing' }];
    expect(states()).toEqual(['interrupted']);
    broker.problems = [];
    expect(states()).toEqual(['running']);
  });

  it('are stuck while every slot is in use for 15 s longer than a handler may take', async () => {
    const { clock, broker, transport, runner, reported, sink } = setUp({
      timeoutMs: 20_000,
      invoke: () => Promise.reject(new PermanentError('never')),
    });
    await runner.start(transport);
    sink.hangs = true;
    void broker.deliver?.(deliveryOf(GOOD));
    await clock.advance(34_000);
    expect(reported()).toEqual([]);
    await clock.advance(11_000);
    expect(reported()).toEqual(['problem consumer_stuck']);
    expect(runner.problems()).toEqual([
      expect.objectContaining({ topic: 'orders.placed', group: 'billing', transport: 'main' }),
    ]);
    sink.release();
    await clock.advance(5_000);
    expect(reported()).toEqual(['problem consumer_stuck', 'problem-solved consumer_stuck']);
  });

  it('are not stuck while slots that are all in use change hands', async () => {
    const { clock, broker, transport, runner, reported } = setUp({
      timeoutMs: 1_000,
      invoke: () => new Promise<void>((resolve) => clock.schedule(900, resolve)),
    });
    await runner.start(transport);
    for (let second = 0; second < 60; second += 1) {
      void broker.deliver?.(deliveryOf(GOOD));
      await clock.advance(900);
    }
    expect(reported()).toEqual([]);
  });
});
