import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageContext, MessageHandler } from '../../src/core/messaging/index.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { closeOperations } from '../support/operations-app.js';
import { report } from './measured.js';
import { bootRabbitmq, RABBIT, type RabbitmqApp } from './rabbitmq-app.js';
import { asSomebodyElse, throughProxy } from './rabbitmq-bench.js';

/** A consumer that has lost what it needs: everything that operators see reports it, and later that it is over. */
let server: RabbitmqCluster;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startRabbitmq({ config: ['consumer_timeout = 60000'] });
  await server.control('await_startup');
  proxy = await startFaultProxy({ targetPort: server.nodes[0]!.port });
}, 120_000);
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
beforeEach(async () => {
  await server.control('add_user', USER, 'pw').catch(() => server.control('change_password', USER, 'pw'));
  await permit('.*');
});
afterEach(async () => {
  server.nodes[0]!.resume();
  proxy.heal();
  await closeOperations();
});

const USER = 'app';
const PREFIX = 'lost.';
const QUEUE = `${PREFIX}orders/billing`;
/** The promise, for the report of a loss and for that of its mending. */
const WITHIN_MS = 15_000;

/** What the user may declare; and what it may publish to and consume. */
const permit = (configure: string, use = configure): Promise<string> =>
  server.control('set_permissions', USER, configure, use, use);
const hangUp = (): Promise<string> => server.control('close_all_connections', '--vhost', '/', 'by the test');
const asOperator = (act: (channel: Channel) => Promise<unknown>): Promise<unknown> =>
  asSomebodyElse(server, act);
type Channel = Parameters<Parameters<typeof asSomebodyElse>[1]>[0];

const Order = defineMessage('orders', z.object({ id: z.string() }));

@Injectable()
class Billing {
  static readonly handled = new Set<string>();

  @MessageHandler(Order, { group: 'billing' })
  charge(_: unknown, { messageId }: MessageContext): void {
    Billing.handled.add(messageId);
  }
}
beforeEach(() => Billing.handled.clear());

const boot = (more: object = {}): Promise<RabbitmqApp> => {
  const url = new URL(throughProxy(server, proxy));
  [url.username, url.password] = [USER, 'pw'];
  return bootRabbitmq({ urls: [url.href], namePrefix: PREFIX }, { providers: [Billing] }, more);
};

/** Put into the queue by the operator, because the application may not publish meanwhile. */
const handles = async (id: string): Promise<void> => {
  await waitUntil(`${id} is handled`, async () => {
    if (Billing.handled.has(id)) return true;
    await asOperator(async (channel) => {
      channel.sendToQueue(QUEUE, Buffer.from('{"id":"x"}'), { messageId: id });
      await channel.waitForConfirms();
    });
    return Billing.handled.has(id);
  });
};

interface Loss {
  readonly lose: () => unknown;
  readonly mend: () => unknown;
  /** What the report says of the cause. */
  readonly reason: RegExp;
  /** Nothing can be published either. */
  readonly isDown?: boolean;
}

const LOSSES: Record<string, Loss> = {
  'its queue is deleted and made with other arguments': {
    lose: () =>
      asOperator(async (channel) => {
        await channel.deleteQueue(QUEUE);
        await channel.assertQueue(QUEUE, { durable: true });
      }),
    mend: () => asOperator((channel) => channel.deleteQueue(QUEUE)),
    reason: /with other arguments/,
  },
  'its queue is deleted, and it may not declare it again': {
    lose: async () => {
      await permit('^$', '.*');
      await asOperator((channel) => channel.deleteQueue(QUEUE));
    },
    mend: () => permit('.*'),
    reason: /does not permit an operation to this user/,
  },
  'its permissions are revoked while it reconnects': {
    lose: async () => {
      await permit('^$');
      await hangUp();
    },
    mend: () => permit('.*'),
    reason: /does not permit an operation to this user/,
    isDown: true,
  },
  'its user is deleted': {
    lose: () => server.control('delete_user', USER),
    mend: async () => {
      await server.control('add_user', USER, 'pw');
      await permit('.*');
    },
    reason: /rejects the user or password/,
    isDown: true,
  },
  'its line is half open': {
    lose: () => proxy.inject({ mode: 'blackhole' }),
    mend: () => proxy.heal(),
    reason: /has sent nothing for|cannot be reached/,
    isDown: true,
  },
  'its broker is stopped without a word (SIGSTOP)': {
    lose: () => server.nodes[0]!.pause(),
    mend: () => server.nodes[0]!.resume(),
    reason: /has sent nothing for|cannot be reached/,
    isDown: true,
  },
};

describe('a consumer is interrupted, as health, metrics and the view report, until the cause is repaired:', () => {
  it.each(Object.entries(LOSSES))(
    '%s',
    async (name, { lose, mend, reason, isDown = false }) => {
      const app = await boot();
      await handles('before');
      expect(await app.seen()).toMatchObject({ health: 'ok', states: ['running'], consumers: 1, up: 1 });
      await lose();
      const lostAt = performance.now();
      await waitUntil(
        'it is reported',
        async () => app.transport.problems().some(({ detail }) => reason.test(detail)),
        WITHIN_MS,
      );
      const reportedAt = performance.now();
      const interruption = `orders/billing on ${RABBIT}: consumer_interrupted`;
      await waitUntil(
        'all say so',
        async () => {
          const { states, consumers, problems, health, transport, up } = await app.seen();
          const isAgreed = isDown ? transport === 'down' && up === 0 : transport === 'up' && up === 1;
          const isInterrupted = states[0] === 'interrupted' && consumers === 0;
          return (
            isInterrupted &&
            isAgreed &&
            problems.some((problem) => problem.startsWith(interruption)) &&
            health !== 'ok'
          );
        },
        WITHIN_MS,
      );
      const found = app.transport.problems().find(({ code }) => code === 'consumer_interrupted');
      expect(found).toMatchObject({ topic: 'orders', group: 'billing' });
      expect(found?.detail).toMatch(reason);
      // One for each cause that was known on the way, and none for each try.
      const reported = app.reported('consumer_interrupted').map(({ detail }) => detail);
      expect(reported.length).toBeLessThanOrEqual(4);
      await mend();
      const mendedAt = performance.now();
      await waitUntil(
        'it is solved',
        async () => {
          const { states, consumers, problems, health, up } = await app.seen();
          return (
            states[0] === 'running' && consumers === 1 && up === 1 && problems.length === 0 && health === 'ok'
          );
        },
        WITHIN_MS,
      );
      report(
        'rabbitmq',
        `${name}: reported after ${Math.round(reportedAt - lostAt)} ms, solved after ${Math.round(performance.now() - mendedAt)} ms`,
      );
      await handles('after');
    },
    120_000,
  );
});

it.each<[string, () => Promise<unknown>]>([
  ['its queue is deleted', () => asOperator((channel) => channel.deleteQueue(QUEUE))],
  [
    'its channel is dead on the broker',
    () =>
      server.control(
        'eval',
        '[exit(Pid, kill) || Connection <- rabbit_networking:local_connections(), Pid <- [P || [{pid, P}, {connection, C}] <- rabbit_channel:info_all([pid, connection]), C =:= Connection]].',
      ),
  ],
])(
  'a consumer consumes again by itself when %s',
  async (_, lose) => {
    const app = await boot();
    await handles('before');
    await lose();
    await handles('after');
    await waitUntil(
      'all is well',
      async () => {
        const { states, health } = await app.seen();
        return states[0] === 'running' && health === 'ok';
      },
      WITHIN_MS,
    );
  },
  60_000,
);

it('a consumer that the broker cancels is reported, although it consumes again at once', async () => {
  const app = await boot();
  await handles('before');
  await asOperator((channel) => channel.deleteQueue(QUEUE));
  await waitUntil('it is reported', async () => app.reported('consumer_interrupted').length > 0, WITHIN_MS);
  const [{ detail } = { detail: '' }] = app.reported('consumer_interrupted');
  expect(detail).toContain(`"orders" for the group "billing" is interrupted`);
  expect(detail).toContain(`the queue "${QUEUE}" was deleted`);
}, 60_000);

describe('a consumer whose first start fails in the background starts once the cause is repaired:', () => {
  const classic = async (): Promise<unknown> =>
    asOperator(async (channel) => {
      await channel.deleteQueue(QUEUE);
      await channel.assertQueue(QUEUE, { durable: true });
    });

  it('first for a conflict, then for want of permissions, each with its reason', async () => {
    await classic();
    const app = await boot({ connect: 'background' });
    const says = (reason: RegExp): Promise<void> =>
      waitUntil(
        `it says ${reason.source}`,
        async () => app.reported('consumer_not_started').some(({ detail }) => reason.test(detail)),
        WITHIN_MS,
      );
    await says(/with other arguments/);
    await permit('^$');
    await hangUp();
    await says(/does not permit an operation to this user/);
    expect(await app.seen()).toMatchObject({ states: ['starting'], consumers: 0, up: 0 });
    await permit('.*');
    await asOperator((channel) => channel.deleteQueue(QUEUE));
    await waitUntil('it has started', async () => (await app.seen()).states[0] === 'running', WITHIN_MS);
    await handles('after');
    expect(app.reported('consumer_not_started').length).toBeLessThanOrEqual(6);
  }, 120_000);
});
