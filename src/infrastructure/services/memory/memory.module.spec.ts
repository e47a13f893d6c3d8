import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ManualClock } from '../../../exports/testing.js';
import type { TransportEvent } from '../../../core/messaging/ports/transport.js';
import { MemoryModule } from './memory.module.js';
import { MemoryTransport } from './memory.transport.js';

describe('the memory module', () => {
  const events: TransportEvent['type'][] = [];

  @Module({
    imports: [
      MemoryModule.register({
        name: 'fast',
        maxMessageBytes: 3,
        clock: new ManualClock(),
        onEvent: ({ type }) => events.push(type),
      }),
    ],
  })
  class Shop {}

  it('provides a transport that lives as long as the application, each time it is started', async () => {
    for (let start = 0; start < 2; start++) {
      events.length = 0;
      const app = await NestFactory.createApplicationContext(Shop, { logger: false });
      const transport = app.get(MemoryTransport);
      await transport.ping();
      expect([transport.name, events]).toEqual(['fast', ['connected']]);
      const message = { id: 'm', headers: {}, body: Buffer.from('four') };
      const [outcome] = await transport.publish({ topic: 't' }, [message], { deadlineMs: 1_000 });
      expect(outcome?.kind).toBe('refused');
      await app.close();
      await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
      expect(events).toEqual(['connected', 'disconnected']);
    }
  });

  it('takes no option that it does not know', async () => {
    const misspelt = { name: 'fast', maxMesages: 10 };
    await expect(MemoryModule.register(misspelt)).rejects.toThrow('maxMesages');
    await expect(MemoryModule.register({ maxBytes: 0 })).rejects.toThrow('maxBytes');
  });
});
