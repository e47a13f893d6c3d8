import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  SetMetadata,
} from '@nestjs/common';
import { type AbstractHttpAdapter, APP_GUARD, Reflector } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { MessagingModule } from '../../src/core/messaging/index.js';
import { MessagingAdminModule } from '../../src/infrastructure/services/admin/index.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MessagingHealthIndicator } from '../../src/infrastructure/services/health/messaging-health.indicator.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer } from '../support/operations-app.js';

const Public = (): ClassDecorator => SetMetadata('host:public', true);

/** As applications have it: everything is closed that is not marked. */
class LoginGuard implements CanActivate {
  readonly #reflector = new Reflector();

  canActivate(context: ExecutionContext): boolean {
    const places = [context.getHandler(), context.getClass()];
    return this.#reflector.getAllAndOverride<boolean | undefined>('host:public', places) === true;
  }
}

@Controller('host')
class HostController {
  @Get()
  answer(): string {
    return 'host';
  }
}

@Module({ controllers: [HostController], providers: [{ provide: APP_GUARD, useClass: LoginGuard }] })
class HostModule {}

let app: INestApplication | undefined;
afterEach(() => app?.close());

const ADAPTERS: readonly (readonly [string, () => AbstractHttpAdapter])[] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
];

async function boot(
  adapter: AbstractHttpAdapter,
  decorators: readonly ClassDecorator[],
  path?: false,
): Promise<(path: string) => Promise<number>> {
  const module = await Test.createTestingModule({
    imports: [
      HostModule,
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters: new MemoryDeadLetterStore(),
      }),
      HealthModule.forRoot({ decorators, ...(path === false && { path }) }),
      MetricsModule.forRoot({ decorators, ...(path === false && { path }) }),
      MessagingAdminModule.forRoot({ authorizer, decorators }),
    ],
  }).compile();
  app = module.createNestApplication(adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return async (address) => (await fetch(url + address, { headers: { 'x-api-key': 'viewer' } })).status;
}

const OURS = ['/health', '/health/live', '/health/ready', '/metrics', '/messaging/api/v1/me'];

describe.each(ADAPTERS)('a host on %s whose guard closes everything', (_, adapter) => {
  it('closes health, metrics and the admin API too', async () => {
    const statusOf = await boot(adapter(), []);
    for (const path of ['/host', ...OURS]) expect([path, await statusOf(path)]).toEqual([path, 403]);
  });

  it('opens them with a decorator of its own, which marks nothing else', async () => {
    const statusOf = await boot(adapter(), [Public()]);
    for (const path of OURS) expect([path, await statusOf(path)]).toEqual([path, 200]);
    expect(await statusOf('/messaging/api/v1/nothing')).toBe(404);
    expect(await statusOf('/host')).toBe(403);
    await app?.close();
    expect(await (await boot(adapter(), []))('/health')).toBe(403);
  });

  it('serves neither health nor metrics with path: false, and has the indicator', async () => {
    const statusOf = await boot(adapter(), [Public()], false);
    for (const path of OURS.slice(0, 4)) expect([path, await statusOf(path)]).toEqual([path, 404]);
    expect(await app?.get(MessagingHealthIndicator).check()).toHaveProperty('messaging.status', 'up');
  });
});
