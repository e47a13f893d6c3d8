import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  type MessagingView,
  systemClock,
  TransportEventRelay,
} from '../../src/core/messaging/index.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';
import { read } from '../support/scraped.js';

/** What is known of a consumer is said within this time of the loss, and of its repair. */
const SAID_WITHIN_MS = 15_000;
const PASSWORD = 'canary-4711';
const Sent = defineMessage('t', z.object({ n: z.number() }));

let server: RedisServer;
let proxy: FaultProxy;
let handled: number[];

@Injectable()
class Handler {
  @MessageHandler(Sent, { group: 'g' })
  on({ n }: { readonly n: number }): void {
    handled.push(n);
  }
}

beforeAll(async () => {
  server = await startRedis();
  proxy = await startFaultProxy({ targetPort: server.port });
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
beforeEach(async () => {
  handled = [];
  await server.command('FLUSHALL');
  await permit('reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
});
afterEach(async () => {
  proxy.heal();
  await closeOperations();
});

const permit = (...rules: string[]): Promise<unknown> => server.command('ACL', 'SETUSER', 'app', ...rules);
const keys = new TopicKeys('lost:', 't');
const own = keys.group('g');

/** What operators see of the one consumer. */
interface Seen {
  readonly status: string;
  readonly consumers: string;
  readonly problems: string;
  readonly state: string | undefined;
  readonly reasons: readonly string[];
  readonly running: number;
  readonly counted: (code: string) => number;
}

/** An application with one consumer, as the user `app`, through the proxy. */
async function boot({
  connect = 'required',
  ...more
}: { readonly connect?: 'required' | 'background' } & object = {}) {
  const relay = new TransportEventRelay();
  const told: string[] = [];
  const options = redisOptionsSchema.parse({
    url: `redis://app:${PASSWORD}@127.0.0.1:${proxy.port}`,
    keyPrefix: 'lost:',
    ...more,
  });
  const transport = new RedisTransport(options, {
    name: 'fast',
    clock: systemClock,
    onEvent: (event) => {
      if (event.type === 'problem' && event.problem.code === 'consumer_interrupted')
        told.push(event.problem.detail);
      relay.listenerFor('fast')(event);
    },
  });
  const { app, url, messaging } = await bootOperations(
    {
      imports: [HealthModule.forRoot({ showDetails: 'always' }), MetricsModule.forRoot()],
      providers: [Handler],
    },
    { transports: [transport], connect, transportEvents: relay },
  );
  const view = app.get<MessagingView>(MESSAGING_VIEW);
  const look = async (): Promise<Seen> => {
    const { status, details } = await jsonOf(await fetch(`${url}/health`));
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return {
      status,
      consumers: JSON.stringify(details['messaging-consumers']),
      problems: JSON.stringify(details['messaging-problems']),
      state: view.subscriptions()[0]?.state,
      reasons: view.problems().map(({ code, topic, group, detail }) => `${code} ${topic}/${group} ${detail}`),
      running: read(metrics, 'messaging_consumers', { topic: 't', group: 'g' }),
      counted: (code) => read(metrics, 'messaging_problems_total', { transport: 'fast', code }),
    };
  };
  const until = async (what: string, isSo: (seen: Seen) => boolean): Promise<Seen> => {
    let seen: Seen | undefined;
    await waitUntil(what, async () => isSo((seen = await look())), SAID_WITHIN_MS).catch((error: unknown) => {
      throw new Error(`${String(error)} Seen: ${JSON.stringify(seen)}`);
    });
    return seen as Seen;
  };
  return { messaging, look, until, told };
}

const isWell = ({ status, state, running, reasons }: Seen): boolean =>
  status === 'ok' && state === 'running' && running === 1 && reasons.length === 0;
const isInterrupted = ({ status, state, running, problems, consumers }: Seen): boolean =>
  status !== 'ok' &&
  state === 'interrupted' &&
  running === 0 &&
  problems.includes('t/g on fast: consumer_interrupted') &&
  consumers.includes('t/g on fast: interrupted');

/** Written by the server itself, as a publisher would: the application may have lost what it publishes with. */
const publishUnseen = (n: number): Promise<unknown> =>
  server.command('XADD', keys.log, '*', 'id', `m${n}`, 'headers', '{}', 'body', JSON.stringify({ n }));

interface Row {
  readonly lose: () => Promise<unknown>;
  readonly mend: () => Promise<unknown>;
  readonly reason: RegExp;
  /** The loss takes the stream with it, so that a message can be written only once it is mended. */
  readonly isStreamGone?: true;
  readonly options?: object;
}

const ROWS: Readonly<Record<string, Row>> = {
  'the permission to read (XREADGROUP)': {
    lose: () => permit('-xreadgroup'),
    mend: () => permit('+xreadgroup'),
    reason: /xreadgroup/i,
  },
  'the permission to run scripts': {
    lose: () => permit('-evalsha', '-eval'),
    mend: () => permit('+evalsha', '+eval'),
    reason: /evalsha/i,
  },
  'the permission to use its keys': {
    lose: () => permit('resetkeys', '~else:*'),
    mend: () => permit('~lost:*'),
    reason: /NOPERM/,
  },
  'the permission inside its scripts (ZADD)': {
    lose: () => permit('-zadd'),
    mend: () => permit('+zadd'),
    reason: /NOPERM/,
  },
  'the permission to acknowledge (XACK)': {
    lose: () => permit('-xack'),
    mend: () => permit('+xack'),
    reason: /NOPERM/,
  },
  'its group (XGROUP DESTROY), and may not create it': {
    lose: async () => {
      await permit('-xgroup|create');
      await server.command('XGROUP', 'DESTROY', keys.log, 'g');
    },
    mend: () => permit('+xgroup|create'),
    reason: /NOPERM/,
  },
  'its group (XGROUP DESTROY) with topology: verify': {
    options: { topology: 'verify' },
    lose: () => server.command('XGROUP', 'DESTROY', own.log, 'g'),
    mend: () => server.command('XGROUP', 'CREATE', own.log, 'g', '0'),
    reason: /XGROUP CREATE/,
  },
  'its streams (DEL), and may not create them': {
    lose: async () => {
      await permit('-xgroup|create');
      await server.command('DEL', keys.log, own.log);
    },
    mend: () => permit('+xgroup|create'),
    reason: /NOPERM/,
    isStreamGone: true,
  },
  'its stream to a key of another type': {
    lose: async () => {
      await server.command('DEL', keys.log);
      await server.command('SET', keys.log, 'foreign');
    },
    mend: () => server.command('DEL', keys.log),
    reason: /WRONGTYPE/,
    isStreamGone: true,
  },
  'its answers: the sockets are half open': {
    lose: async () => proxy.inject({ mode: 'blackhole' }),
    mend: async () => proxy.heal(),
    reason: /./,
  },
  'its login: the password is rotated': {
    lose: async () => {
      await permit('resetpass', '>other');
      await server.command('CLIENT', 'KILL', 'USER', 'app');
    },
    mend: () => permit('resetpass', `>${PASSWORD}`),
    reason: /WRONGPASS/,
  },
};

describe('a consumer that has lost', () => {
  it.each(Object.entries(ROWS))(
    '%s is interrupted within 15 s, says why, and runs within 15 s of the repair',
    async (_, { lose, mend, reason, isStreamGone, options = {} }) => {
      if ('topology' in options)
        for (const stream of [keys.log, own.log])
          await server.command('XGROUP', 'CREATE', stream, 'g', '0', 'MKSTREAM');
      const { messaging, look, until, told } = await boot(options);
      await messaging.publish(Sent, { n: 1 });
      await until('it runs and has handled a message', (seen) => isWell(seen) && handled.length === 1);

      await lose();
      if (!isStreamGone) await publishUnseen(2);
      const lost = await until('it is interrupted', isInterrupted);
      const interrupted = lost.reasons.filter((text) => text.startsWith('consumer_interrupted t/g '));
      expect(interrupted).toEqual([expect.stringMatching(reason)]);
      expect(JSON.stringify(lost)).not.toContain(PASSWORD);
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect(isInterrupted(await look())).toBe(true); // it stays so while it lasts
      // Once a reason, and not once a try: the reader, the heartbeat and what settles have one each.
      expect(told).toEqual([...new Set(told)].slice(0, 3));

      await mend();
      await until('it runs again', isWell);
      if (isStreamGone) await messaging.publish(Sent, { n: 2 });
      await waitUntil('nothing was lost', async () => handled.includes(2));
    },
    120_000,
  );
});

describe('a consumer that may not start', () => {
  it.each(['xgroup|create', 'xreadgroup', 'eval'])(
    'for want of %s with connect: background is tried until it runs',
    async (missing) => {
      const commands = missing === 'eval' ? ['eval', 'evalsha'] : [missing];
      await permit(...commands.map((command) => `-${command}`));
      const { until } = await boot({ connect: 'background' });
      const lost = await until(
        'it is reported',
        ({ status, state, reasons }) =>
          status !== 'ok' &&
          state !== 'running' &&
          reasons.some((text) => / t\/g .*(NOPERM|permit)/s.test(text)),
      );
      expect(lost.running).toBe(0);
      await permit(...commands.map((command) => `+${command}`));
      await until('it runs', isWell);
      await publishUnseen(2);
      await waitUntil('the message is handled', async () => handled.includes(2));
    },
    90_000,
  );
});

it('says that the login is rejected until it is corrected, in health, in the error of a publish and as one event', async () => {
  const { messaging, until } = await boot();
  await until('it runs', isWell);
  await ROWS['its login: the password is rotated']!.lose();
  const lost = await until('it is said', ({ problems }) => problems.includes('login_rejected'));
  expect(lost.reasons.find((text) => text.startsWith('login_rejected'))).toMatch(/WRONGPASS/);
  // Each connection is rejected for itself, and for a moment the one that publishes may only know that it was cut.
  await waitUntil('a publish says it', () =>
    messaging.publish(Sent, { n: 1 }).then(
      () => false,
      (error: unknown) => String(error).includes('WRONGPASS'),
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await until('it is counted once', ({ counted }) => counted('login_rejected') === 1);
  await ROWS['its login: the password is rotated']!.mend();
  await until('it runs again', isWell);
}, 90_000);

it('says that its stream grows while it may not trim it, and is not interrupted by that', async () => {
  const { messaging, until } = await boot();
  await until('it runs', isWell);
  await permit('-xtrim');
  await messaging.publish(Sent, { n: 1 });
  const seen = await until('it is said', ({ problems }) =>
    problems.includes('t/g on fast: stream_not_trimmed'),
  );
  expect([seen.state, seen.running]).toEqual(['running', 1]);
  await permit('+xtrim');
  await until('it is solved', isWell);
}, 60_000);
