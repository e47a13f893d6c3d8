import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Inject,
  Injectable,
  type INestApplication,
  Module,
  type ModuleMetadata,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { Registry, register } from 'prom-client';
import { MessagingModule } from '../../src/core/messaging/index.js';
import {
  type AdminIdentity,
  type AdminRequest,
  MessagingAdminModule,
  type RequestAuthorizer,
} from '../../src/exports/admin.js';
import {
  HealthModule,
  type HealthModuleOptions,
  MessagingHealthIndicator,
} from '../../src/exports/health.js';
import { METRICS_REGISTRY, MetricsModule } from '../../src/exports/metrics.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer, jsonOf } from '../support/operations-app.js';
import { metricNames } from '../support/scraped.js';

let apps: INestApplication[] = [];
afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
});

async function boot(metadata: ModuleMetadata) {
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters: new MemoryDeadLetterStore(),
      }),
      ...(metadata.imports ?? []),
    ],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const ask = (path: string, key?: string): Promise<Response> =>
    fetch(url + path, { headers: key === undefined ? {} : { 'x-api-key': key } });
  return { app, ask };
}

const ME = '/messaging/api/v1/me';

@Injectable()
class Accounts {
  find(key: unknown): AdminIdentity | null {
    return key === 'ana' ? { subject: 'ana', roles: ['viewer'] } : null;
  }
}

@Injectable()
class AccountAuthorizer implements RequestAuthorizer {
  constructor(private readonly accounts: Accounts) {}
  authorize({ headers }: AdminRequest): AdminIdentity | null {
    return this.accounts.find(headers['x-api-key']);
  }
}

const BY_SYMBOL = Symbol.for('host:authorizer');

@Module({
  providers: [Accounts, AccountAuthorizer, { provide: BY_SYMBOL, useExisting: AccountAuthorizer }],
  exports: [Accounts],
})
class AccountsModule {}

describe('an authorizer of the host', () => {
  it.each([
    ['a class', AccountAuthorizer],
    ['a symbol', BY_SYMBOL],
  ])('is a provider named by %s, for the admin API and for health', async (_, named) => {
    const { ask } = await boot({
      imports: [
        AccountsModule,
        MessagingAdminModule.forRoot({ authorizer: named }),
        HealthModule.forRoot({ authorizer: named }),
      ],
    });
    expect(await jsonOf(await ask(ME, 'ana'))).toMatchObject({ subject: 'ana' });
    expect((await ask(ME, 'eve')).status).toBe(401);
    expect(await jsonOf(await ask('/health', 'ana'))).toHaveProperty('details');
    expect(await jsonOf(await ask('/health', 'eve'))).toEqual({ status: 'ok' });
    for (let n = 0; n < 20; n++) await ask(ME, 'eve');
    expect((await ask(ME, 'ana')).status).toBe(429);
  });

  it('comes from a factory, as all options but the addresses', async () => {
    const { ask } = await boot({
      imports: [
        MessagingAdminModule.forRootAsync({
          basePath: '/ops',
          imports: [AccountsModule],
          inject: [Accounts],
          useFactory: (accounts: Accounts) => ({
            authorizer: ({ headers }: AdminRequest) => accounts.find(headers['x-api-key']),
          }),
        }),
        HealthModule.forRootAsync({
          path: '/up',
          useFactory: () => Promise.resolve({ showDetails: 'always' as const }),
        }),
      ],
    });
    expect(await jsonOf(await ask('/ops/api/v1/me', 'ana'))).toMatchObject({ subject: 'ana' });
    expect(await jsonOf(await ask('/up'))).toHaveProperty('details');
  });

  it('may be missing from what a factory returns: the API is off', async () => {
    const { ask } = await boot({ imports: [MessagingAdminModule.forRootAsync({ useFactory: () => ({}) })] });
    expect((await ask(ME, 'ana')).status).toBe(404);
  });

  @Injectable({ scope: Scope.REQUEST })
  class PerRequest extends AccountAuthorizer {}
  class Forgotten {}

  it.each([
    ['that no module provides', AccountAuthorizer, [], /is AccountAuthorizer, which no module provides/],
    ['of REQUEST scope', PerRequest, [Accounts, PerRequest], /is PerRequest, .* not of the default scope/],
    ['without the method', Forgotten as never, [Forgotten], /has no method authorize\. Implement Request/],
  ])('%s is a mistake at boot', async (_, named, providers, sentence) => {
    const admin = MessagingAdminModule.forRoot({ authorizer: named });
    await expect(boot({ imports: [admin], providers })).rejects.toThrow(sentence);
    const health = HealthModule.forRoot({ authorizer: named });
    await expect(boot({ imports: [health], providers })).rejects.toThrow(sentence);
  });

  it('is refused like any other when it is unguarded in production', async () => {
    const useFactory = () => ({ authorizer: 'unguarded' as const });
    await expect(boot({ imports: [MessagingAdminModule.forRootAsync({ useFactory })] })).rejects.toThrow(
      /unguarded/,
    );
    expect(() => MessagingAdminModule.forRootAsync({} as never)).toThrow(/needs useFactory/);
  });
});

describe('guards of the host', () => {
  @Injectable()
  class AccountGuard implements CanActivate {
    constructor(private readonly accounts: Accounts) {}
    canActivate(context: ExecutionContext): boolean {
      const request = context.switchToHttp().getRequest<AdminRequest & { user?: unknown }>();
      request.user = this.accounts.find(request.headers['x-api-key']);
      return request.user !== null;
    }
  }

  it('guard our controllers with providers of their own, before the authorizer', async () => {
    const guarded = { imports: [AccountsModule], decorators: [UseGuards(AccountGuard)] };
    const { ask } = await boot({
      imports: [
        MessagingAdminModule.forRoot({
          ...guarded,
          authorizer: (request) => (request as { user?: AdminIdentity }).user ?? null,
        }),
        HealthModule.forRoot(guarded),
        MetricsModule.forRoot(guarded),
      ],
    });
    for (const path of ['/health', '/health/live', '/metrics', ME]) {
      expect([path, (await ask(path, 'ana')).status]).toEqual([path, 200]);
      expect([path, (await ask(path, 'eve')).status]).toEqual([path, 403]);
    }
  });
});

describe('controllers of the host', () => {
  @Controller('own')
  class OwnController {
    constructor(
      private readonly terminus: HealthCheckService,
      private readonly messaging: MessagingHealthIndicator,
      @Inject(METRICS_REGISTRY) private readonly registry: Registry,
    ) {}
    @Get('health')
    @HealthCheck()
    health(): Promise<HealthCheckResult> {
      return this.terminus.check([() => this.messaging.check()]);
    }
    @Get('metrics')
    @Header('Content-Type', 'text/plain')
    metrics(): Promise<string> {
      return this.registry.metrics();
    }
  }

  it('serve our indicator and our registry, and nothing else serves them', async () => {
    const { ask } = await boot({
      imports: [
        TerminusModule,
        HealthModule.forRoot({ path: false }),
        MetricsModule.forRoot({ path: false }),
      ],
      controllers: [OwnController],
    });
    expect(await jsonOf(await ask('/own/health'))).toMatchObject({
      details: { messaging: { status: 'up' } },
    });
    expect(metricNames(await (await ask('/own/metrics')).text())).toContain('messaging_transport_up');
    expect((await ask('/health')).status).toBe(404);
    expect((await ask('/metrics')).status).toBe(404);
  });
});

describe('metrics beside those of the host', () => {
  // The library collects into the registry of the process, which outlives its module.
  afterEach(() => {
    register.clear();
  });

  const linesOf = (text: string, name: string): number =>
    text.split('\n').filter((line) => line.startsWith(`${name} `)).length;

  it('are in its registry once, and those of the process are not doubled', async () => {
    const { ask } = await boot({
      imports: [PrometheusModule.register(), MetricsModule.forRoot({ registry: register, path: false })],
    });
    const text = await (await ask('/metrics')).text();
    expect(linesOf(text, 'process_cpu_user_seconds_total')).toBe(1);
    expect(text.match(/^# TYPE messaging_transport_up/gm)).toHaveLength(1);
  });

  it('have a registry and an address of their own when the host has the usual ones', async () => {
    const { ask } = await boot({
      imports: [PrometheusModule.register(), MetricsModule.forRoot({ path: '/messaging/metrics' })],
    });
    expect(metricNames(await (await ask('/metrics')).text())).not.toContain('messaging_transport_up');
    const own = await (await ask('/messaging/metrics')).text();
    expect(metricNames(own)).toContain('messaging_transport_up');
    expect(linesOf(own, 'process_cpu_user_seconds_total')).toBe(1);
  });

  it('have a prefix, with which two applications use one registry', async () => {
    const registry = new Registry();
    await boot({ imports: [MetricsModule.forRoot({ registry, prefix: 'shop_', path: false })] });
    await boot({
      imports: [
        MetricsModule.forRootAsync({ path: false, useFactory: () => ({ registry, prefix: 'office_' }) }),
      ],
    });
    const text = await registry.metrics();
    const names = metricNames(text);
    expect(names.filter((name) => !/^(shop|office)_/.test(name))).toEqual([]);
    expect(names).toEqual(
      expect.arrayContaining(['shop_messaging_transport_up', 'office_messaging_transport_up']),
    );
    await expect(boot({ imports: [MetricsModule.forRoot({ prefix: 'a b' })] })).rejects.toThrow(
      /Option prefix of MetricsModule is "a b"/,
    );
  });
});

it('no controller of ours is in the Swagger document of the host, unless it asks for it', async () => {
  const hidden = (module: { controllers?: unknown[] | undefined }): unknown[] =>
    (module.controllers ?? []).map(
      (controller) =>
        (Reflect.getMetadata('swagger/apiExcludeController', controller as object) as boolean[])[0],
    );
  const health = async (options: HealthModuleOptions): Promise<unknown[]> =>
    hidden((await HealthModule.forRoot(options)).imports?.[0] as { controllers?: unknown[] });
  expect(await health({})).toEqual([true]);
  // As the decorator of the library does it, which appends.
  const show: ClassDecorator = (target) => {
    const before =
      (Reflect.getMetadata('swagger/apiExcludeController', target) as boolean[] | undefined) ?? [];
    Reflect.defineMetadata('swagger/apiExcludeController', [...before, false], target);
  };
  expect(await health({ decorators: [show] })).toEqual([false]);
  const [, mounted] = MessagingAdminModule.forRoot({ authorizer }).imports as { controllers?: unknown[] }[];
  const controllers = hidden(mounted ?? {});
  expect([controllers.length > 4, ...new Set(controllers)]).toEqual([true, true]);
});
