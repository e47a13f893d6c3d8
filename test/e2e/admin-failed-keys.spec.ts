import { Agent, request as send } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import type { AdminAuthorizer } from '../../src/infrastructure/services/admin/index.js';
import { HandClock } from '../support/hand-clock.js';
import { authorizer as known, bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';

afterEach(closeOperations);

const ME = '/messaging/api/v1/me';
const trusting = (app: INestApplication): void =>
  void (app as NestExpressApplication).set('trust proxy', 'loopback');

async function boot(
  options: { authorizer?: AdminAuthorizer; prepare?: (app: INestApplication) => void } = {},
) {
  // One of its own for each test, because failures are counted by authorizer.
  const authorizer: AdminAuthorizer = options.authorizer ?? ((request) => known(request));
  const clock = new HandClock();
  const shop = await bootOperations(
    { imports: [HealthModule.forRoot({ authorizer })] },
    { clock },
    { authorizer },
    options.prepare,
  );
  const ask = (key: string | undefined, forwardedFor?: string, path = ME): Promise<Response> =>
    fetch(`${shop.url}${path}`, {
      headers: {
        ...(key !== undefined && { 'x-api-key': key }),
        ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
      },
    });
  return { ...shop, ask, clock };
}

async function fail(ask: (key: string, from?: string) => Promise<Response>, times: number, from?: string) {
  const statuses: number[] = [];
  for (let n = 0; n < times; n++) statuses.push((await ask(`wrong ${n}`, from)).status);
  return statuses;
}

describe('wrong keys from one address', () => {
  it('are answered 20 times; then every key from there waits until the minute is over', async () => {
    const { ask, clock } = await boot();
    expect(await fail(ask, 25)).toEqual([...Array<number>(20).fill(401), ...Array<number>(5).fill(429)]);
    await clock.advance(10_000);
    const right = await ask('viewer');
    expect([right.status, right.headers.get('retry-after')]).toEqual([429, '50']);
    expect(await jsonOf(right)).toMatchObject({
      type: 'urn:problem:messaging:too-many-requests',
      status: 429,
      detail: expect.stringContaining('50 s'),
    });
    await clock.advance(50_000);
    expect((await ask('viewer')).status).toBe(200);
  });

  it.each<[string, AdminAuthorizer, number]>([
    ['at once', (request) => known(request), 2_000],
    [
      'after a while',
      async (request) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return known(request);
      },
      300,
    ],
    [
      'with an error',
      (request) => {
        const identity = known(request);
        if (!identity) throw new Error('unknown');
        return identity;
      },
      300,
    ],
  ])(
    'get at most 20 answers when many come at a time and the authorizer says no %s',
    async (_, authorizer, length) => {
      const { app, ask, clock } = await boot({ authorizer });
      const agent = new Agent({ keepAlive: true, maxSockets: 200 });
      const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
      const statuses = await Promise.all(
        Array.from(
          { length },
          (_unused, n) =>
            new Promise<number>((resolve, reject) => {
              const headers = { 'x-api-key': `wrong ${n}` };
              send({ agent, port, path: ME, headers, host: '127.0.0.1' }, (response) => {
                response.resume().on('end', () => resolve(response.statusCode ?? 0));
              })
                .on('error', reject)
                .end();
            }),
        ),
      );
      agent.destroy();
      const told = statuses.filter((status) => status !== 429);
      expect(told.length).toBeLessThanOrEqual(20);
      expect(new Set(statuses.filter((status) => status === 429)).size).toBe(1);
      expect((await ask('viewer')).status).toBe(429);
      await clock.advance(60_000);
      expect((await ask('viewer')).status).toBe(200);
    },
  );

  it('do not block another address behind a proxy that the host trusts', async () => {
    const { ask } = await boot({ prepare: trusting });
    expect(await fail(ask, 21, '192.0.2.1')).toContain(429);
    expect((await ask('viewer', '192.0.2.2')).status).toBe(200);
    expect((await ask('viewer', '192.0.2.1')).status).toBe(429);
    expect((await ask('viewer', '::ffff:192.0.2.1')).status).toBe(429);
  });

  it('count together in a network of IPv6', async () => {
    const { ask } = await boot({ prepare: trusting });
    for (let n = 1; n <= 20; n++) await ask('wrong', `2001:db8:1:2::${n}`);
    expect((await ask('viewer', '2001:db8:1:2:ffff::1')).status).toBe(429);
    expect((await ask('viewer', '2001:db8:1:3::1')).status).toBe(200);
  });

  it('count for the connection where the host trusts no proxy', async () => {
    const { ask } = await boot();
    for (let n = 1; n <= 20; n++) await ask('wrong', `192.0.2.${n}`);
    expect((await ask('viewer', '192.0.2.200')).status).toBe(429);
  });
});

it('callers without a key are not counted', async () => {
  const { ask } = await boot();
  for (let n = 0; n < 30; n++) expect((await ask(undefined)).status).toBe(401);
  expect((await ask('viewer')).status).toBe(200);
});

it('health counts wrong keys too, shows a blocked caller only the status, and continues to answer', async () => {
  const { ask } = await boot();
  const seen = async (key: string) => Object.keys(await jsonOf(await ask(key, undefined, '/health')));
  expect(await seen('viewer')).toContain('details');
  for (let n = 0; n < 20; n++) expect(await seen('wrong')).toEqual(['status']);
  expect(await seen('viewer')).toEqual(['status']);
  expect((await ask('viewer')).status).toBe(429);
});
