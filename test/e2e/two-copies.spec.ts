import * as path from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import * as own from '../../src/core/messaging/index.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps } from '../support/messaging-app.js';

/**
 * A second copy of the package in the process, as a workspace has it that installs it twice, and a bundle that contains
 * both builds.
 */
const other = jest.requireActual<typeof own>(path.resolve('dist/cjs/index.js'));

const backoff = { type: 'fixed', delayMs: 20 } as const;
const Order = other.defineMessage('order', z.object({ id: z.string() }));

async function reasonsAfter(error: () => Error, options: own.MessageHandlerOptions = {}) {
  let runs = 0;
  @Injectable()
  class Orders {
    @own.MessageHandler(Order, { attempts: 3, backoff, ...options })
    on(): void {
      runs += 1;
      throw error();
    }
  }
  const { messaging, deadLetters, events } = await bootApp({ providers: [Orders] });
  await messaging.publish(Order, { id: 'o-1' });
  return { runs: () => runs, deadLetters, events };
}

afterEach(closeApps);

it('is another copy', () => {
  expect(other.PermanentError).not.toBe(own.PermanentError);
});

it.each(
  Object.entries(own).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof Error ? [name as keyof typeof own] : [],
  ),
)('recognises %s of the other copy', (name) => {
  const [here, there] = [own[name], other[name]] as unknown as (abstract new () => Error)[];
  expect(Object.create(there!.prototype)).toBeInstanceOf(here!);
  expect(Object.create(here!.prototype)).toBeInstanceOf(there!);
});

it('does not take an error for one of another class', () => {
  class Mine extends own.PermanentError {}
  expect(new Mine('x')).toBeInstanceOf(own.PermanentError);
  expect(new own.PermanentError('x')).not.toBeInstanceOf(Mine);
  expect(new other.PermanentError('x')).not.toBeInstanceOf(own.RetryAfterError);
  expect(new other.PermanentError('x')).toBeInstanceOf(own.MessagingError);
  for (const value of [undefined, null, 'x', {}, new Error('x')])
    expect(value).not.toBeInstanceOf(own.MessagingError);
});

it('runs a handler once that throws a PermanentError of the other copy', async () => {
  const { runs, deadLetters } = await reasonsAfter(() => new other.PermanentError('never'));
  const letters = await eventually(async () => {
    const { items } = await deadLetters.list({}, { limit: 5 });
    return items.length > 0 ? items : undefined;
  });
  expect(letters).toMatchObject([{ reason: 'rejected', attempts: 1, error: { code: 'PERMANENT' } }]);
  expect(runs()).toBe(1);
});

it('waits as long as a RetryAfterError of the other copy asks', async () => {
  const { events } = await reasonsAfter(() => new other.RetryAfterError(60_000));
  const failed = await eventually(() => events.find(({ type }) => type === 'failed'));
  expect(failed).toMatchObject({ disposition: 'retry', delayMs: 60_000 });
});

it('finds handlers that the other copy decorates, and the types that its module registers', async () => {
  const handled: string[] = [];
  @Injectable()
  class Orders {
    @other.MessageHandler(Order)
    on({ id }: { id: string }): void {
      handled.push(id);
    }
  }
  const Registered = other.defineMessage('registered', z.object({}));
  @Module({ imports: [other.MessagingModule.forFeature([Registered])] })
  class Feature {}
  const { app, messaging } = await bootApp({ imports: [Feature], providers: [Orders] });
  await messaging.publish(Order, { id: 'o-2' });
  await eventually(() => (handled.length > 0 ? handled : undefined));
  const view: own.MessagingView = app.get(other.MESSAGING_VIEW);
  expect(view.topics()).toEqual(expect.arrayContaining(['order', 'registered']));
});
