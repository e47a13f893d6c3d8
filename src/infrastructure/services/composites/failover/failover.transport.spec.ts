import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type {
  PublishOptions,
  PublishOutcome,
  Transport,
  TransportEvent,
} from '../../../../core/messaging/ports/transport.js';
import { HandClock, settle } from '../../../../../test/support/hand-clock.js';
import { failoverOptionsSchema } from './failover.options.js';
import { FailoverTransport } from './failover.transport.js';

const gone = new MessagingError('TRANSPORT_UNAVAILABLE', 'gone');
const OUTCOMES: Readonly<Record<string, PublishOutcome>> = {
  accepted: { kind: 'accepted' },
  unavailable: { kind: 'unavailable', error: gone },
  unknown: { kind: 'unknown', error: gone },
  refused: { kind: 'refused', error: gone },
};

/** A transport that answers as the test sets it, and notes what it was asked. */
class Scripted {
  answer = 'accepted';
  pings = true;
  /** Why it may not be consumed. */
  refusal: Error | undefined;
  readonly asked: { readonly ids: readonly string[]; readonly options: PublishOptions }[] = [];

  constructor(readonly name: string) {}

  get transport(): Transport {
    return {
      name: this.name,
      system: 'scripted',
      durability: 'acknowledged',
      connect: () => Promise.resolve(),
      publish: (_, messages, options) => {
        this.asked.push({ ids: messages.map(({ id }) => id), options });
        return Promise.resolve(
          messages.map(({ id }) => OUTCOMES[id] ?? OUTCOMES[this.answer] ?? OUTCOMES['accepted']!),
        );
      },
      consume: () =>
        this.refusal ? Promise.reject(this.refusal) : Promise.resolve({ stop: () => Promise.resolve() }),
      backlog: () => Promise.resolve({ ready: 1, inFlight: 0, delayed: 0 }),
      ping: () => (this.pings ? Promise.resolve() : Promise.reject(gone)),
      close: () => Promise.resolve(),
    };
  }
}

const message = (id: string) => ({ id, headers: {}, body: Buffer.from('x') });

async function setUp(options: object = {}) {
  const [a, b] = [new Scripted('a'), new Scripted('b')];
  const clock = new HandClock();
  const events: TransportEvent[] = [];
  const failover = new FailoverTransport([a.transport, b.transport], failoverOptionsSchema.parse(options), {
    name: 'main',
    clock,
    onEvent: (event) => events.push(event),
  });
  await failover.connect();
  const publish = (...ids: string[]) =>
    failover.publish({ topic: 't' }, ids.map(message), { deadlineMs: 5_000 });
  return { a, b, clock, events, failover, publish };
}

it('reports a member that works and refuses to be consumed, until it is consumed', async () => {
  const { b, clock, events, failover } = await setUp();
  b.refusal = new MessagingError('FORBIDDEN', 'may not read');
  await failover.consume({ topic: 't', group: 'g', concurrency: 1, ordering: 'none' }, async () => ({
    kind: 'ack',
  }));
  const problem = {
    code: 'consumer_interrupted',
    topic: 't',
    group: 'g',
    reason: 'FORBIDDEN',
    detail: '"t" cannot be consumed for the group "g" on "b": may not read. Trying again.',
  };
  await clock.advance(10_000);
  expect(failover.problems()).toEqual([problem]);
  expect(events.filter(({ type }) => type === 'problem')).toEqual([{ type: 'problem', problem }]);
  b.refusal = undefined;
  await clock.advance(10_000);
  expect(failover.problems()).toEqual([]);
  expect(events.at(-1)).toEqual({ type: 'problem-solved', problem });
});

it('asks the next member only for what the first did not take, and reports every try', async () => {
  const { a, b, publish } = await setUp();
  const outcomes = await publish('accepted', 'unavailable', 'refused', 'unknown');
  expect(a.asked.map(({ ids }) => ids)).toEqual([['accepted', 'unavailable', 'refused', 'unknown']]);
  expect(b.asked.map(({ ids }) => ids)).toEqual([['unavailable', 'unknown']]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'unavailable', 'refused', 'unknown']);
  expect(outcomes[1]?.trail?.attempts).toMatchObject([
    { transport: 'a', outcome: 'unavailable', errorCode: 'TRANSPORT_UNAVAILABLE' },
    { transport: 'b', outcome: 'unavailable' },
  ]);
  expect(outcomes[0]?.trail).toMatchObject({
    transport: 'a',
    status: 'accepted',
    durability: 'acknowledged',
  });
});

it('says unknown, not unavailable, when one may have it and no other has taken it', async () => {
  const { a, b, publish } = await setUp();
  a.answer = 'unknown';
  b.answer = 'unavailable';
  expect((await publish('x'))[0]).toMatchObject({ kind: 'unknown', trail: { transport: 'b' } });
});

it('stops at unknown when it is configured to', async () => {
  const { a, b, publish } = await setUp({ onUnknown: 'stop' });
  a.answer = 'unknown';
  expect((await publish('x'))[0]?.kind).toBe('unknown');
  expect(b.asked).toEqual([]);
});

it('gives the first member a part of the time and the last all that is left', async () => {
  const { a, b, publish } = await setUp({ attemptTimeoutMs: 300 });
  a.answer = 'unavailable';
  await publish('x');
  expect([a.asked[0]?.options.deadlineMs, b.asked[0]?.options.deadlineMs]).toEqual([300, 5_000]);
});

it('takes one that did not work for one that does as soon as it has taken a message', async () => {
  const { a, b, events, failover, publish } = await setUp({ failuresToOpen: 1 });
  [a.answer, b.answer, a.pings, b.pings] = ['unavailable', 'unavailable', false, false];
  await publish('x');
  b.answer = 'accepted';
  expect((await publish('y'))[0]?.kind).toBe('accepted');
  expect(failover.active).toBe('b');
  expect(events.map(({ type }) => type)).toContain('connected');
});

it('leaves a member alone after failures in a row, and comes back once it has worked for a while', async () => {
  const { a, b, clock, events, failover, publish } = await setUp({
    failuresToOpen: 2,
    probeIntervalMs: 1_000,
    failBackAfterMs: 10_000,
  });
  a.answer = 'unavailable';
  a.pings = false;
  for (let time = 0; time < 4; time++) expect((await publish('x'))[0]?.kind).toBe('accepted');
  expect([a.asked.length, b.asked.length, failover.active]).toEqual([2, 4, 'b']);
  a.answer = 'accepted';
  a.pings = true;
  for (let second = 0; second < 8; second++) await clock.advance(1_000);
  expect(failover.active).toBe('b');
  for (let second = 0; second < 10; second++) await clock.advance(1_000);
  expect(failover.active).toBe('a');
  expect(events.filter(({ type }) => type === 'switched')).toEqual([
    { type: 'switched', from: 'a', to: 'b', reason: 'gone' },
    { type: 'switched', from: 'b', to: 'a', reason: 'it has worked for 10000 ms' },
  ]);
  await failover.close();
});

it('notices by probes that an idle member is gone', async () => {
  const { b, clock, events, failover, a } = await setUp({ probeIntervalMs: 1_000 });
  a.pings = false;
  await clock.advance(1_500);
  expect(failover.active).toBe('b');
  b.pings = false;
  for (let second = 0; second < 3; second++) await clock.advance(1_500);
  await settle();
  expect(events.map(({ type }) => type)).toEqual(['connected', 'switched', 'disconnected']);
  await expect(failover.ping()).rejects.toBe(gone);
});

it('adds up what its members hold', async () => {
  const { failover } = await setUp();
  expect(await failover.backlog({ topic: 't', group: 'g' })).toEqual({ ready: 2, inFlight: 0, delayed: 0 });
});

it('needs two members, each once', () => {
  const context = { name: 'main', clock: new HandClock(), onEvent: () => undefined };
  const one = new Scripted('a').transport;
  const options = failoverOptionsSchema.parse({});
  for (const members of [[], [one], [one, one]])
    expect(() => new FailoverTransport(members, options, context)).toThrow('two members or more');
});
