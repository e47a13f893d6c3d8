import { OrdersEvents, ScopedEvents, Seen } from '../fixtures/microservices/orders-events.controller.js';
import { eventually } from './demonstration.js';
import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';

/** An application with the controllers, and a client that emits to them. */
export interface EventApp {
  readonly seen: Seen;
  readonly client: ClientProxy;
  close(): Promise<void>;
}

/** What an application with these controllers needs. */
export const CONTROLLERS = { controllers: [OrdersEvents, ScopedEvents], providers: [Seen] };

/** What is the same under every strategy: the tests of one controller file that names none. */
export function describeEvents(name: string, boot: () => Promise<EventApp>): void {
  describe(`events of an unchanged controller, ${name}`, () => {
    let app: EventApp;
    beforeAll(async () => (app = await boot()), 120_000);
    afterAll(() => app.close());

    const emit = (pattern: unknown, data: object): Promise<unknown> =>
      lastValueFrom(app.client.emit(pattern, data), { defaultValue: undefined });
    const sees = async (...lines: readonly string[]): Promise<void> => {
      await eventually(() => lines.every((line) => app.seen.lines.includes(line)) || undefined);
      for (const line of lines) expect(app.seen.lines.filter((each) => each === line)).toHaveLength(1);
    };

    it('reach every handler of the pattern', async () => {
      await emit('orders.placed', { id: 'o-1' });
      await sees('charged o-1', 'shipped o-1');
    });

    it('are found by an object pattern, whatever the order of its keys', async () => {
      await emit({ cmd: 'audit' }, { id: 'o-2' });
      await sees('audited o-2 function');
    });

    it('pass through the pipes of a parameter', async () => {
      await emit('orders.total', { id: 'o-3', total: '41' });
      await sees('total 42');
    });

    it('of several patterns reach one handler, whose Observable runs to its end', async () => {
      await emit('orders.cancelled', { id: 'o-4' });
      await emit('orders.returned', { id: 'o-5' });
      await sees('refund o-4 begins', 'refund o-4 ends', 'refund o-5 begins', 'refund o-5 ends');
    });

    it('pass guards and interceptors', async () => {
      await emit('orders.guarded', { id: 'blocked' });
      await emit('orders.guarded', { id: 'o-6' });
      await sees('before o-6', 'guarded o-6', 'after o-6');
      expect(app.seen.lines.join()).not.toContain('blocked');
    });

    it('that fail come to the filter with the error that was thrown', async () => {
      await emit('orders.bad', { id: 'o-7' });
      await sees('bad o-7 BadRequestException');
    });

    it('each have an instance of a REQUEST-scoped controller', async () => {
      await emit('orders.scoped', { id: 'o-8' });
      await emit('orders.scoped', { id: 'o-9' });
      await sees('scoped o-8 1', 'scoped o-9 1');
    });
  });
}
