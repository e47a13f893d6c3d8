import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  type MessageContext,
  MessageHandler,
  systemClock,
} from '../../src/core/messaging/index.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { SeverableTransport } from '../../src/testing/severable-transport.js';
import { eventually } from '../support/demonstration.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { documentedFetch } from '../support/documented-answers.js';
import { describeLookup } from '../support/lookup-suite.js';
import { memoryTransport } from '../support/messaging-app.js';
import { bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const Placed = defineMessage('orders.placed', z.object({}));
const data = temporaryDirectory();
let made = 0;
afterAll(() => data.remove());
afterEach(closeOperations);

describeLookup('memory', async () => ({ transports: [memoryTransport('main')] }));
describeLookup('embedded', async () => {
  const directory = `${data.path}/${++made}`;
  const options = embeddedOptionsSchema.parse({ directory: `${directory}/log` });
  return {
    transports: [
      new EmbeddedTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined }),
    ],
    deadLetters: new EmbeddedDeadLetterStore({ directory: `${directory}/letters` }),
  };
});

it('a message that was spooled may wait in the spool, until that has sent everything older', async () => {
  const broker = new SeverableTransport(memoryTransport('broker'), () => undefined);
  const disk = new SeverableTransport(memoryTransport('disk'), () => undefined, 'acknowledged');
  const settings = spooledOptionsSchema.parse({ probeIntervalMs: 50, maxProbeIntervalMs: 100 });
  const main = new SpooledTransport({ transport: broker, spool: disk }, settings, {
    name: 'main',
    clock: systemClock,
    onEvent: () => undefined,
  });
  const handled: string[] = [];
  @Injectable()
  class Billing {
    @MessageHandler(Placed, { group: 'billing' })
    bill(_: unknown, { messageId }: MessageContext): void {
      handled.push(messageId);
    }
  }
  const shop = await bootOperations({ providers: [Billing] }, { transports: [main] });
  await broker.sever();
  const { messageId, status } = await shop.messaging.publish(Placed, {});
  expect(status).toBe('spooled');
  const ask = async (): Promise<{ state: string; sources: object[] }> => {
    const headers = { authorization: 'Bearer viewer' };
    return (await jsonOf(
      await documentedFetch(`${shop.url}/messaging/api/v1/messages/${messageId}`, { headers }),
    )) as { state: string; sources: object[] };
  };
  await eventually(async () => ((await ask()).state === 'perhaps-spooled' ? true : undefined));
  await broker.restore();
  await eventually(() => handled.includes(messageId) || undefined);
  const found = await eventually(async () => {
    const answer = await ask();
    return answer.sources.some(
      (one) => 'source' in one && one.source === 'spool' && 'status' in one && one.status === 'nothing',
    )
      ? answer
      : undefined;
  });
  expect(found.state).toBe('handled');
}, 30_000);

class SilentStore extends MemoryDeadLetterStore {
  override list(): never {
    throw new RangeError('redis://user:password@host');
  }
}

it('a source that fails is reported without its text, and the others answer', async () => {
  const deadLetters = new SilentStore();
  const transport = memoryTransport('main');
  transport.backlog = () => Promise.reject(new RangeError('amqp://user:password@host'));
  const shop = await bootOperations({}, { deadLetters, transports: [transport] });
  const response = await documentedFetch(`${shop.url}/messaging/api/v1/messages/m-1`, {
    headers: { authorization: 'Bearer viewer' },
  });
  expect(response.status).toBe(200);
  const found = (await jsonOf(response)) as { sources: object[] };
  expect(found.sources).toContainEqual(
    expect.objectContaining({ source: 'dead-letters', status: 'failed', errorCode: 'RangeError' }),
  );
  expect(found.sources).toContainEqual(expect.objectContaining({ source: 'publishes', status: 'nothing' }));
  expect(JSON.stringify(found)).not.toContain('password');
});
