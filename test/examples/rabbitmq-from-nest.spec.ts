import type { INestApplication } from '@nestjs/common';
import type { ChannelModel } from 'amqplib';
import { connect } from 'amqplib';
import { MESSAGING_VIEW, type MessagingView } from 'switchyard';
import { createApp, type Step } from '../../examples/from-nest-rabbitmq/app.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { eventually } from '../support/demonstration.js';

/** Publishes are this far apart, so that some are on their way at every moment of a step. */
const PAUSE_MS = 3;

let rabbitmq: RabbitmqCluster;
let control: ChannelModel;
const open = new Set<INestApplication>();

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
  process.env['RABBITMQ_URL'] = rabbitmq.urls[0];
  control = await connect(rabbitmq.urls[0] ?? '');
}, 120_000);
afterAll(async () => {
  for (const app of open) await app.close();
  await control.close();
  await rabbitmq.stop();
});

async function start(step: Step): Promise<INestApplication> {
  const app = await createApp(step);
  await app.listen(0, '127.0.0.1');
  open.add(app);
  return app;
}

const charged = new Set<string>();
/** Handled more than once, by the processes that took part. */
let copies = 0;

async function collect(app: INestApplication): Promise<void> {
  const ids = (await (await fetch(`${await app.getUrl()}/charged`)).json()) as string[];
  copies += ids.filter((id) => charged.has(id)).length;
  for (const id of ids) charged.add(id);
}

async function stop(app: INestApplication): Promise<void> {
  await collect(app);
  open.delete(app);
  const before = new Set(charged);
  // What it handles until it has ended is asked of its controller, because it does not listen any more.
  const { BillingController } = await import('../../examples/from-nest-rabbitmq/billing.controller.js');
  const billing = app.get(BillingController);
  await app.close();
  for (const id of billing.ids()) {
    if (!before.has(id)) charged.add(id);
  }
}

/** Places orders through an application until it is ended, each accepted before the next. */
function load(
  prefix: string,
  through: INestApplication,
): { readonly placed: string[]; end(): Promise<void> } {
  const placed: string[] = [];
  const end = new AbortController();
  const running = (async () => {
    const url = await through.getUrl();
    for (let n = 1; !end.signal.aborted; n++) {
      const response = await fetch(`${url}/orders/${prefix}-${n}`, { method: 'POST' });
      if (response.status === 201) placed.push(`${prefix}-${n}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    placed,
    end: async () => {
      end.abort();
      await running;
    },
  };
}

async function isEmptyAtNest(): Promise<true | undefined> {
  const channel = await control.createChannel();
  const { messageCount } = await channel.checkQueue('orders');
  await channel.close();
  return messageCount === 0 || undefined;
}

async function isEmptyAtSwitchyard(app: INestApplication): Promise<true | undefined> {
  const [transport] = app.get<MessagingView>(MESSAGING_VIEW).transports();
  const backlog = await transport?.backlog({ topic: 'orders.placed', group: 'billing' });
  return (backlog?.ready === 0 && backlog.inFlight === 0 && backlog.delayed === 0) || undefined;
}

async function moreThan(count: number, { placed }: { readonly placed: readonly string[] }): Promise<void> {
  const from = placed.length;
  await eventually(() => placed.length >= from + count || undefined);
}

it('from-nest-rabbitmq: publishers and consumers move under load and back, and no order is lost', async () => {
  // As it was: Nest alone.
  let consumer = await start({ consume: 'nest', publish: 'nest' });
  const atNest = await start({ consume: 'nest', publish: 'nest' });
  const ofNest = load('nest', atNest);
  await moreThan(50, ofNest);

  // Step 1: consumers get both strategies, one process after the other.
  let next = await start({ consume: 'both', publish: 'nest' });
  await stop(consumer);
  consumer = next;
  await moreThan(50, ofNest);

  // Step 2: publishers move, while others still publish the old way.
  const atSwitchyard = await start({ consume: 'both', publish: 'switchyard' });
  const ofSwitchyard = load('switchyard', atSwitchyard);
  await moreThan(50, ofSwitchyard);
  await ofNest.end();

  // Step 3: the old queue is empty and no client fills it, so its strategy goes.
  await stop(atNest);
  await eventually(isEmptyAtNest);
  next = await start({ consume: 'switchyard', publish: 'switchyard' });
  await stop(consumer);
  consumer = next;
  await moreThan(50, ofSwitchyard);

  // The way back: the steps in reverse.
  next = await start({ consume: 'both', publish: 'switchyard' });
  await stop(consumer);
  consumer = next;
  const atNestAgain = await start({ consume: 'both', publish: 'nest' });
  const ofNestAgain = load('again', atNestAgain);
  await moreThan(50, ofNestAgain);
  await ofSwitchyard.end();
  await stop(atSwitchyard);
  await eventually(() => isEmptyAtSwitchyard(consumer));
  next = await start({ consume: 'nest', publish: 'nest' });
  await stop(consumer);
  consumer = next;
  await moreThan(50, ofNestAgain);
  await ofNestAgain.end();
  await eventually(isEmptyAtNest);
  for (const app of [...open]) await stop(app);

  const placed = [ofNest, ofSwitchyard, ofNestAgain].flatMap((each) => each.placed);
  expect(placed.length).toBeGreaterThan(300);
  expect(placed.filter((id) => !charged.has(id))).toEqual([]);
  // Copies are possible where a process ends, and rare.
  expect(copies).toBeLessThan(placed.length / 10);
}, 300_000);
