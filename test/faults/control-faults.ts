import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  type ControlStore,
  defineMessage,
  MESSAGING_VIEW,
  MessageContext,
  MessageHandler,
  type MessagingView,
  SubscriptionControlService,
  type SubscriptionView,
  type Transport,
} from '../../src/core/messaging/index.js';
import { z } from 'zod';
import { bootApp, closeApps, type MessagingApp } from '../support/messaging-app.js';
import { waitUntil } from '../support/brokers/wait-until.js';

const Ordered = defineMessage('control.ordered', z.object({ key: z.string(), nth: z.number() }), {
  key: ({ key }) => key,
});
type OrderedPayload = { readonly key: string; readonly nth: number };

export const PLACE = { topic: 'control.ordered', group: 'billing' };
export const BY = { actor: 'ann', reason: 'INC-4' };
const KEYS = 10;
/** Time between the probes of an open kill switch. */
export const PROBE_MS = 300;

/** What the handlers depend on is down. */
export class DatabaseDown extends Error {}

/** What the handlers of one test depend on, and have done. */
export class Ledger {
  isDown = false;
  calls = 0;
  readonly handled: (OrderedPayload & { readonly attempt: number; readonly by: string })[] = [];
  /** Highest number of each key: a lower one behind it is out of order. */
  readonly outOfOrder: OrderedPayload[] = [];
  readonly #last = new Map<string, number>();

  async handle(payload: OrderedPayload, attempt: number, by: string): Promise<void> {
    this.calls += 1;
    await this.work();
    const last = this.#last.get(payload.key) ?? -1;
    if (payload.nth < last) this.outOfOrder.push(payload);
    this.#last.set(payload.key, Math.max(last, payload.nth));
    this.handled.push({ ...payload, attempt, by });
  }

  /** What a handler does with a message. */
  protected async work(): Promise<void> {
    await sleep(5);
    if (this.isDown) throw new DatabaseDown('connection refused');
  }

  /** Messages that have used an attempt besides their first. */
  get attemptsUsed(): readonly object[] {
    return this.handled.filter(({ attempt }) => attempt !== 1);
  }
}

/** An application that handles the messages of a test. */
export interface ControlledApp extends MessagingApp {
  readonly control: SubscriptionControlService;
  readonly subscription: () => SubscriptionView;
}

export interface ControlSetUp {
  readonly ledger: Ledger;
  readonly transport: Transport;
  readonly store?: ControlStore;
  readonly name?: string;
}

export async function bootControlled({
  ledger,
  transport,
  store,
  name = 'a',
}: ControlSetUp): Promise<ControlledApp> {
  @Injectable()
  class Billing {
    @MessageHandler(Ordered, {
      group: PLACE.group,
      concurrency: 8,
      ordering: 'key',
      attempts: 2,
      backoff: { type: 'fixed', delayMs: 10 },
      killSwitch: { after: 5, errors: [DatabaseDown], probeEveryMs: PROBE_MS },
    })
    charge(payload: OrderedPayload, context: MessageContext): Promise<void> {
      return ledger.handle(payload, context.attempt, name);
    }
  }
  const booted = await bootApp(
    { providers: [Billing] },
    { transports: [transport], ...(store && { control: store }) },
  );
  const view = booted.app.get<MessagingView>(MESSAGING_VIEW);
  const subscription = (): SubscriptionView => {
    const [found] = view.subscriptions();
    if (!found) throw new Error('It has no subscription.');
    return found;
  };
  return { ...booted, control: booted.app.get(SubscriptionControlService), subscription };
}

/** Publishes so many messages, in the order of each key. */
export async function publishOrdered(
  { messaging }: MessagingApp,
  from: number,
  count: number,
): Promise<void> {
  for (let nth = from; nth < from + count; nth += 1) {
    await messaging.publish(Ordered, { key: `k${nth % KEYS}`, nth });
    await sleep(2);
  }
}

/** Pauses and an outage of what the handler depends on, on a transport, as tests. */
export function describeControl(name: string, open: (connection: string) => Promise<Transport>): void {
  describe(`${name}: control of a subscription`, () => {
    afterEach(closeApps);

    it('a pause keeps messages on their broker, and a resume loses neither one, nor an attempt, nor the order of a key', async () => {
      const ledger = new Ledger();
      const transport = await open('pausing');
      const app = await bootControlled({ ledger, transport });
      const { control, subscription, deadLetters } = app;
      const publishing = publishOrdered(app, 0, 150);
      await waitUntil('some are handled', async () => ledger.handled.length > 20);
      const paused = await control.change(PLACE, { ...BY, paused: true });
      expect(paused.limits.pause).toMatchObject({ reason: 'INC-4', by: 'ann' });
      expect(subscription()).toMatchObject({ state: 'paused', pause: { reason: 'INC-4' } });
      await waitUntil('what runs has ended', async () => subscription().active === 0);
      await publishing;
      await sleep(500);
      const before = ledger.handled.length;
      expect(before).toBeLessThan(150);
      await sleep(500);
      expect(ledger.handled).toHaveLength(before);
      const { ready, inFlight, delayed } = await transport.backlog(PLACE);
      expect(ready + inFlight + delayed).toBe(150 - before);
      await control.change(PLACE, { ...BY, concurrency: 3 });
      expect(subscription().state).toBe('paused');
      await control.change(PLACE, { ...BY, paused: false });
      await waitUntil('all are handled', async () => ledger.handled.length >= 150);
      expect(subscription()).toMatchObject({ state: 'running', concurrency: 3 });
      await control.change(PLACE, { ...BY, concurrency: null });
      await publishOrdered(app, 150, 50);
      await waitUntil('the rest is handled', async () => ledger.handled.length >= 200);
      expect(subscription().concurrency).toBe(8);
      expect(new Set(ledger.handled.map(({ nth }) => nth)).size).toBe(200);
      expect(ledger.handled).toHaveLength(200);
      expect({ attempts: ledger.attemptsUsed, outOfOrder: ledger.outOfOrder }).toEqual({
        attempts: [],
        outOfOrder: [],
      });
      expect(await deadLetters.count({})).toBe(0);
    }, 120_000);

    it('while the database of a handler is down no attempt is used, none is parked, and all are handled afterwards', async () => {
      const ledger = new Ledger();
      const app = await bootControlled({ ledger, transport: await open('outage') });
      const { subscription, deadLetters, events } = app;
      const publishing = publishOrdered(app, 0, 400);
      await waitUntil('some are handled', async () => ledger.handled.length > 20);
      ledger.isDown = true;
      await waitUntil('the switch is open', async () => subscription().killSwitch?.isOpen === true);
      const [calls, since] = [ledger.calls, performance.now()];
      await sleep(4_000);
      const probes = Math.ceil((performance.now() - since) / PROBE_MS);
      // Those that were in the handler when it opened end as well.
      expect(ledger.calls - calls).toBeLessThanOrEqual(probes + 8);
      expect(ledger.calls - calls).toBeGreaterThan(2);
      expect(subscription()).toMatchObject({
        state: 'running',
        killSwitch: { isOpen: true, errorType: 'DatabaseDown' },
      });
      ledger.isDown = false;
      await publishing;
      await waitUntil('all are handled', async () => ledger.handled.length >= 400);
      expect(subscription().killSwitch).toEqual({ isOpen: false, held: 0 });
      expect(ledger.handled).toHaveLength(400);
      expect(new Set(ledger.handled.map(({ nth }) => nth)).size).toBe(400);
      expect(ledger.attemptsUsed).toEqual([]);
      expect(await deadLetters.count({})).toBe(0);
      expect(events.filter(({ type }) => type === 'failed')).toEqual([]);
      const changes = events.flatMap((event) => (event.type === 'kill-switch' ? [event.change] : []));
      expect(changes).toEqual(['opened', 'closed']);
    }, 120_000);
  });
}
