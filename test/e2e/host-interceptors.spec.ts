import {
  type CallHandler,
  Controller,
  Get,
  type INestApplication,
  Module,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { map, type Observable } from 'rxjs';
import { DeadLetterService, MessagingModule } from '../../src/core/messaging/index.js';
import { MessagingAdminModule } from '../../src/infrastructure/services/admin/index.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { deadLetter } from '../support/dead-letter-desk.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer, jsonOf } from '../support/operations-app.js';

/** What many applications do with every answer. */
class Envelope implements NestInterceptor {
  intercept(_: unknown, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

@Controller('host')
class HostController {
  @Get()
  answer(): string {
    return 'host';
  }
}

@Module({ controllers: [HostController], providers: [{ provide: APP_INTERCEPTOR, useClass: Envelope }] })
class HostModule {}

let app: INestApplication | undefined;
afterEach(() => app?.close());

it.each<[string, () => AbstractHttpAdapter]>([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('interceptors of a host on %s leave health, metrics and the admin API as they are', async (_, adapter) => {
  const module = await Test.createTestingModule({
    imports: [
      HostModule,
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters: new MemoryDeadLetterStore(),
      }),
      MessagingAdminModule.forRoot({ authorizer }),
      HealthModule.forRoot(),
      MetricsModule.forRoot(),
    ],
  }).compile();
  app = module.createNestApplication(adapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  expect(await jsonOf(await fetch(`${url}/host`))).toEqual({ data: 'host' });
  const metrics = await fetch(`${url}/metrics`);
  expect(metrics.headers.get('content-type')).toContain('text/plain');
  expect(await metrics.text()).toMatch(/^# HELP/);
  for (const path of ['/health', '/health/live', '/health/ready', '/health/startup'])
    expect([path, await jsonOf(await fetch(url + path))]).toEqual([path, { status: 'ok' }]);
  const ask = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`${url}/messaging/api/v1${path}`, { method, headers: { 'x-api-key': 'admin' } });
  expect(await jsonOf(await ask('/me'))).toMatchObject({ subject: 'admin' });
  expect(await jsonOf(await ask('/dead-letters'))).toMatchObject({ items: [] });
  expect(await jsonOf(await ask('/nothing'))).toMatchObject({ status: 404 });
  const id = await app.get(DeadLetterService).park(deadLetter(1, Date.now()));
  const discarded = await fetch(`${url}/messaging/api/v1/operations`, {
    method: 'POST',
    headers: { 'x-api-key': 'admin', 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'discard', selection: { ids: [id] }, force: true, waitMs: 10_000 }),
  });
  expect(discarded.status).toBe(202);
  expect(await jsonOf(discarded)).toMatchObject({ state: 'completed', counts: { succeeded: 1 } });
});
