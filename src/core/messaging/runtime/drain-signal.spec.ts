import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { bootApp, closeApps } from '../../../../test/support/messaging-app.js';
import { waitUntil } from '../../../../test/support/brokers/wait-until.js';
import { MessageHandler } from '../handlers/message-handler.decorator.js';
import { defineMessage } from '../message/message-type.js';
import { MESSAGING_VIEW, type MessagingView } from '../messaging.view.js';

const Ping = defineMessage('drained.ping', z.object({}));
let handled = 0;

@Injectable()
class Pings {
  @MessageHandler(Ping)
  on(): void {
    handled += 1;
  }
}

afterEach(closeApps);

it('a drain signal ends consuming, leaves publishing open, and its listener ends with the application', async () => {
  const before = process.listenerCount('SIGUSR2');
  const { app, messaging } = await bootApp({ providers: [Pings] }, { drainSignal: 'SIGUSR2' });
  const view = app.get<MessagingView>(MESSAGING_VIEW);
  await messaging.publish(Ping, {});
  await waitUntil('it is handled', async () => handled === 1);
  process.emit('SIGUSR2'); // as Node does for a signal; the one of a test cannot be signalled
  await waitUntil('it is drained', async () => view.subscriptions()[0]?.state === 'drained');
  expect(await messaging.publish(Ping, {})).toMatchObject({ status: 'accepted' });
  expect(view.state()).toBe('running');
  await closeApps();
  expect(handled).toBe(1);
  expect(process.listenerCount('SIGUSR2')).toBe(before);
});

it('a signal that cannot drain is reported at boot', async () => {
  const booting = bootApp({ providers: [Pings] }, { drainSignal: 'SIGKILL' as never });
  await expect(booting).rejects.toThrow('Option drainSignal is no signal that can drain');
});
