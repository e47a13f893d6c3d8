import { Controller, Get, Injectable } from '@nestjs/common';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  type MessagingModuleOptions,
} from '../../src/core/messaging/index.js';
import { MESSAGING_VIEW, type MessagingView } from '../../src/core/messaging/messaging.view.js';
import { TransportEventRelay } from '../../src/core/messaging/observing/transport-event-relay.js';
import { CONSUMER_INTERRUPTED, type TransportProblem } from '../../src/core/messaging/ports/transport.js';
import { ProblemList } from '../../src/core/messaging/transport-kit/problem-list.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import type { HealthModuleOptions } from '../../src/infrastructure/services/health/health.options.js';
import { MessagingHealthIndicator } from '../../src/infrastructure/services/health/messaging-health.indicator.js';
import { DEGRADED } from '../support/degraded.js';
import { eventually } from '../support/demonstration.js';
import { memoryTransport } from '../support/messaging-app.js';
import {
  authorizer,
  bootOperations,
  closeOperations,
  jsonOf,
  type OperationsApp,
} from '../support/operations-app.js';

const Ping = defineMessage('ping', z.object({}));

@Injectable()
class Pings {
  @MessageHandler(Ping)
  on(): void {
    // Being there is enough.
  }
}

afterEach(closeOperations);

/** A transport whose broker can be taken away. */
function fragile(name: string) {
  const transport = memoryTransport(name);
  const ping = transport.ping.bind(transport);
  const broker = { state: 'up' as 'up' | 'down' | 'silent' };
  transport.ping = () => {
    if (broker.state === 'silent') return new Promise(() => undefined);
    const error = Object.assign(new Error('connect ECONNREFUSED canary:6379'), { code: 'ECONNREFUSED' });
    return broker.state === 'up' ? ping() : Promise.reject(error);
  };
  return { transport, broker };
}

const boot = (
  options: Partial<MessagingModuleOptions> = {},
  health: HealthModuleOptions = {},
): Promise<OperationsApp> =>
  bootOperations(
    {
      providers: [Pings],
      imports: [
        HealthModule.forRoot({ authorizer, cacheMs: 0, timeoutMs: 200, ...health }),
        MetricsModule.forRoot(),
      ],
    },
    options,
  );

const viewer = { authorization: 'Bearer viewer' };

async function statuses(url: string): Promise<Record<string, number>> {
  const paths = ['', '/live', '/ready', '/startup'];
  const answers = await Promise.all(paths.map((path) => fetch(`${url}/health${path}`)));
  return Object.fromEntries(paths.map((path, index) => [path, answers[index]!.status]));
}

const WELL = { '': 200, '/live': 200, '/ready': 200, '/startup': 200 };

describe('health', () => {
  it('is ok when everything works, and shows unauthenticated callers only that', async () => {
    const { url } = await boot();
    expect(await statuses(url)).toEqual(WELL);
    const response = await fetch(`${url}/health`);
    expect(await jsonOf(response)).toEqual({ status: 'ok' });
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect(await jsonOf(await fetch(`${url}/health/ready`))).toEqual({ status: 'ok' });
  });

  it('shows components to viewers', async () => {
    const { url } = await boot();
    const body = await jsonOf(await fetch(`${url}/health`, { headers: viewer }));
    expect(body).toMatchObject({
      status: 'ok',
      info: {
        messaging: { status: 'up', state: 'running' },
        'messaging:main': { status: 'up', system: 'memory' },
        'messaging-consumers': { status: 'up', running: 1, expected: 1 },
        'messaging-dead-letters': { status: 'up' },
        'event-loop': { status: 'up' },
      },
      error: {},
    });
  });

  it.each<[HealthModuleOptions, boolean]>([
    [{ showDetails: 'always' }, true],
    [{ showDetails: 'never' }, false],
    [{ showDetails: 'when-authorized', authorizer: () => Promise.reject(new Error('x')) }, false],
  ])('shows components with %j: %s', async (options, shown) => {
    const { url } = await boot({}, options);
    const body = await jsonOf(await fetch(`${url}/health`, { headers: viewer }));
    expect('info' in body).toBe(shown);
  });

  it('is degraded and ready while one of two transports is down', async () => {
    const { transport, broker } = fragile('spare');
    const { url } = await boot({
      transports: [memoryTransport('main'), transport],
      routes: [{ match: '**', transport: 'main' }],
    });
    broker.state = 'down';
    expect(await statuses(url)).toEqual(WELL);
    const text = await (await fetch(`${url}/health`, { headers: viewer })).text();
    expect(JSON.parse(text)).toMatchObject({
      status: 'degraded',
      info: { 'messaging:spare': { ...DEGRADED, errorClass: 'ECONNREFUSED' } },
    });
    expect(text).not.toContain('canary');
  });

  it('is degraded and ready while a transport reports a problem on its broker, and names its place', async () => {
    const transport = memoryTransport('main');
    const lasting: TransportProblem[] = [];
    const { url } = await boot({ transports: [Object.assign(transport, { problems: () => lasting })] });
    lasting.push({ code: 'queue_deleted', topic: 'ping', group: 'shop', detail: 'Gone from canary:5672.' });
    expect(await statuses(url)).toEqual(WELL);
    const text = await (await fetch(`${url}/health`, { headers: viewer })).text();
    expect(JSON.parse(text)).toMatchObject({
      status: 'degraded',
      info: {
        'messaging-problems': {
          ...DEGRADED,
          count: 1,
          problems: ['ping/shop on main: queue_deleted'],
        },
      },
    });
    expect(text).not.toContain('canary');
    lasting.pop();
    expect(await jsonOf(await fetch(`${url}/health`))).toEqual({ status: 'ok' });
  });

  it('names topic, group and reason of an interrupted consumer, as the view and the metrics do', async () => {
    const transportEvents = new TransportEventRelay();
    const report = transportEvents.listenerFor('main');
    const lasting = new ProblemList(report);
    const transport = Object.assign(memoryTransport('main'), { problems: () => lasting.all() });
    const { app, url } = await boot({ transports: [transport], transportEvents });
    const place = { topic: 'ping', group: 'shop' };
    const seen = async () => ({
      health: (await jsonOf(await fetch(`${url}/health`, { headers: viewer })))['info'] as object,
      metrics: await (await fetch(`${url}/metrics`)).text(),
      states: app
        .get<MessagingView>(MESSAGING_VIEW)
        .subscriptions()
        .map(({ state }) => state),
    });
    const consumers = (count: number): string => `messaging_consumers{topic="ping",group="shop"} ${count}`;

    lasting.add({ code: CONSUMER_INTERRUPTED, ...place, reason: 'NOPERM', detail: 'Denied by canary:6379.' });
    const interrupted = await seen();
    expect(interrupted.states).toEqual(['interrupted']);
    expect(interrupted.metrics).toContain(consumers(0));
    expect(interrupted.metrics).toMatch(/messaging_problems_total{[^}]*consumer_interrupted[^}]*} 1/);
    expect(interrupted.health).toMatchObject({
      'messaging-consumers': { ...DEGRADED, missing: ['ping/shop on main: interrupted'] },
      'messaging-problems': {
        ...DEGRADED,
        problems: ['ping/shop on main: consumer_interrupted (NOPERM)'],
      },
    });

    lasting.solve(CONSUMER_INTERRUPTED, place);
    report({ type: 'disconnected' });
    const down = await seen();
    expect([down.states, down.metrics.includes(consumers(0))]).toEqual([['interrupted'], true]);
    report({ type: 'connected' });
    const mended = await seen();
    expect([mended.states, mended.metrics.includes(consumers(1))]).toEqual([['running'], true]);
    expect(mended.health).toMatchObject({
      'messaging-consumers': { status: 'up' },
      'messaging-problems': { status: 'up' },
    });
  });

  it('is bad and not ready, but live, while no transport is up, and recovers', async () => {
    const { transport, broker } = fragile('main');
    const { url } = await boot({ transports: [transport] });
    expect(await statuses(url)).toEqual(WELL);
    broker.state = 'down';
    expect(await statuses(url)).toEqual({ ...WELL, '': 503, '/ready': 503 });
    expect(await jsonOf(await fetch(`${url}/health`))).toEqual({ status: 'error' });
    const shown = await jsonOf(await fetch(`${url}/health`, { headers: viewer }));
    expect(shown.error['messaging:main']).toMatchObject({ status: 'down' });
    broker.state = 'up';
    expect(await statuses(url)).toEqual(WELL);
  });

  it.each<[HealthModuleOptions, number, number]>([
    [{ readiness: 'any-path' }, 200, 200],
    [{ readiness: 'all-required' }, 503, 503],
    [{ readiness: 'all-required', requiredTransports: ['spare'] }, 503, 503],
    [{ readiness: 'all-required', requiredTransports: ['main'] }, 200, 200],
    [{ readiness: 'ignore' }, 200, 200],
  ])(
    'with %j and one of two transports down answers %i, and %i when it should be ready',
    async (options, full, ready) => {
      const { transport, broker } = fragile('spare');
      const { url } = await boot({ transports: [memoryTransport('main'), transport] }, options);
      expect(await statuses(url)).toEqual(WELL);
      broker.state = 'down';
      expect(await statuses(url)).toEqual({ ...WELL, '': full, '/ready': ready });
      broker.state = 'up';
      expect(await statuses(url)).toEqual(WELL);
    },
  );

  it('is ready without any transport when it ignores them', async () => {
    const { transport, broker } = fragile('main');
    const { url } = await boot({ transports: [transport] }, { readiness: 'ignore' });
    broker.state = 'down';
    expect(await statuses(url)).toEqual({ ...WELL, '': 503 });
  });

  it('does not start when a transport is required that is not there', async () => {
    const options = { readiness: 'all-required', requiredTransports: ['main', 'mian'] } as const;
    await expect(boot({}, options)).rejects.toThrow('Health requires the transport "mian"; there are main.');
  });

  it('stays ok when messages become dead letters', async () => {
    @Injectable()
    class Failing {
      @MessageHandler(Ping, { attempts: 1 })
      on(): void {
        throw new Error('never');
      }
    }
    const { url, messaging, store } = await bootOperations({
      providers: [Failing],
      imports: [HealthModule.forRoot({ cacheMs: 0 })],
    });
    await messaging.publish(Ping, {});
    await eventually(async () => (await store.list({}, { limit: 1 })).items[0]);
    expect(await jsonOf(await fetch(`${url}/health`))).toEqual({ status: 'ok' });
  });

  it('answers in time when a transport does not', async () => {
    const { transport, broker } = fragile('main');
    const { url } = await boot({ transports: [transport] });
    expect(await statuses(url)).toEqual(WELL);
    broker.state = 'silent';
    const began = performance.now();
    expect(await statuses(url)).toEqual({ ...WELL, '': 503, '/ready': 503 });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is degraded while the dead letter store is down', async () => {
    const { url, store } = await boot();
    store.find = () => Promise.reject(new Error('canary'));
    const body = await jsonOf(await fetch(`${url}/health`, { headers: viewer }));
    expect(body).toMatchObject({
      status: 'degraded',
      info: { 'messaging-dead-letters': DEGRADED },
    });
    expect(await statuses(url)).toEqual(WELL);
  });

  it('is not ready until the first connection is there', async () => {
    const { transport, broker } = fragile('main');
    const connect = transport.connect.bind(transport);
    transport.connect = () => (broker.state === 'up' ? connect() : Promise.reject(new Error('not yet')));
    broker.state = 'down';
    const { url } = await boot({ transports: [transport], connect: 'background' });
    expect(await statuses(url)).toEqual({ '': 503, '/live': 200, '/ready': 503, '/startup': 503 });
    broker.state = 'up';
    await eventually(async () => (await statuses(url))['/startup'] === 200 || undefined);
    expect(await statuses(url)).toEqual(WELL);
  });

  it('passes the startup probe when the time for a start is over, whether or not a transport is up', async () => {
    const { transport, broker } = fragile('main');
    transport.connect = () => Promise.reject(new Error('never'));
    broker.state = 'down';
    const { url } = await boot({ transports: [transport], connect: 'background' }, { startupGraceMs: 1 });
    expect(await statuses(url)).toMatchObject({ '/startup': 200, '/ready': 503 });
  });

  it('is not ready from the first moment of a shutdown', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    @Injectable()
    class Slow {
      static started = false;
      @MessageHandler(Ping)
      async on(): Promise<void> {
        Slow.started = true;
        await gate;
      }
    }
    const { app, url, messaging } = await bootOperations({
      providers: [Slow],
      imports: [HealthModule.forRoot({ showDetails: 'always' })],
    });
    await messaging.publish(Ping, {});
    await eventually(() => Slow.started || undefined);
    const closing = app.close();
    await eventually(async () => (await fetch(`${url}/health/ready`)).status === 503 || undefined);
    const full = await fetch(`${url}/health`);
    expect(full.status).toBe(503);
    expect(await jsonOf(full)).toMatchObject({ status: 'shutting_down' });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    release();
    await closing;
  });

  it('is neither live nor ready after the event loop was blocked for too long', async () => {
    const { url } = await boot({}, { maxEventLoopDelayMs: 150 });
    await new Promise((resolve) => setTimeout(resolve, 100)); // the watch needs a first sample
    const until = performance.now() + 400;
    while (performance.now() < until);
    await eventually(async () => (await fetch(`${url}/health/live`)).status === 503 || undefined, 2_000);
    expect(await statuses(url)).toMatchObject({ '': 503, '/ready': 503 });
  });

  it('is a provider for a controller of the host', async () => {
    @Controller('mine')
    class Mine {
      constructor(
        private readonly terminus: HealthCheckService,
        private readonly messaging: MessagingHealthIndicator,
      ) {}
      @Get()
      check() {
        return this.terminus.check([() => this.messaging.check()]);
      }
    }
    const { url } = await bootOperations({
      controllers: [Mine],
      imports: [TerminusModule, HealthModule.forRoot({ path: '/internal/health' })],
    });
    const body = await jsonOf(await fetch(`${url}/mine`));
    expect(body).toMatchObject({ status: 'ok', details: { 'messaging:main': { status: 'up' } } });
    expect((await fetch(`${url}/internal/health/live`)).status).toBe(200);
  });
});
