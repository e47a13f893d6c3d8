import { type NestFastifyApplication, FastifyAdapter } from '@nestjs/platform-fastify';
import { type INestApplication, VersioningType } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type DeadLetterService, MessagingModule } from '../../src/core/messaging/index.js';
import { DeadLetterService as Letters } from '../../src/core/messaging/dead-letters/dead-letter.service.js';
import { type AdminAuthorizer, MessagingAdminModule } from '../../src/infrastructure/services/admin/index.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { deadLetter } from '../support/dead-letter-desk.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer as known, jsonOf } from '../support/operations-app.js';

let app: INestApplication | undefined;
afterEach(() => app?.close());

/** An application on Fastify with a prefix and versions. */
async function boot(trustProxy?: string): Promise<{ url: string; letters: DeadLetterService }> {
  const authorizer: AdminAuthorizer = (request) => known(request);
  const module = await Test.createTestingModule({
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters: new MemoryDeadLetterStore(),
      }),
      MessagingAdminModule.forRoot({ authorizer }),
      HealthModule.forRoot({ authorizer }),
      MetricsModule.forRoot(),
    ],
  }).compile();
  const adapter = new FastifyAdapter(trustProxy === undefined ? {} : { trustProxy });
  const fastify = module.createNestApplication<NestFastifyApplication>(adapter, { logger: false });
  app = fastify;
  fastify.setGlobalPrefix('api');
  fastify.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  await fastify.listen(0, '127.0.0.1');
  return { url: `${await fastify.getUrl()}/api`, letters: fastify.get(Letters) };
}

const asAdmin = { 'x-api-key': 'admin' };

describe('on Fastify', () => {
  it('health, metrics and the admin API work below the prefix of the host', async () => {
    const { url, letters } = await boot();
    const id = await letters.park(deadLetter(1, Date.now()));
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await jsonOf(await fetch(`${url}/health`, { headers: asAdmin }))).toHaveProperty('details');
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^# HELP/);
    const api = `${url}/messaging/api/v1`;
    const list = await fetch(`${api}/dead-letters?limit=1`, { headers: asAdmin });
    expect(await jsonOf(list)).toMatchObject({ items: [{ id, status: 'failed' }] });
    const overview = await fetch(`${api}/overview`, { headers: asAdmin });
    expect(await jsonOf(overview)).toMatchObject({ status: 'ok', deadLetters: { total: 1 } });
    const topics = await fetch(`${api}/topics`, { headers: asAdmin });
    expect(await jsonOf(topics)).toEqual({ items: [], page: { nextCursor: null, limit: 50 } });
    const operate = async (kind: string): Promise<unknown> => {
      const response = await fetch(`${api}/operations`, {
        method: 'POST',
        headers: { ...asAdmin, 'content-type': 'application/json' },
        body: JSON.stringify({ kind, selection: { ids: [id] }, waitMs: 10_000 }),
      });
      return [response.status, await jsonOf(response)];
    };
    const done = { state: 'completed', counts: { succeeded: 1 } };
    expect(await operate('archive')).toMatchObject([202, done]);
    expect(await operate('discard')).toMatchObject([202, done]);
    expect(await letters.list({}, { limit: 1 })).toEqual({ items: [] });
  });

  it.each([
    ['GET', '/me', {}, 401],
    ['GET', '/nothing', {}, 401],
    ['GET', '/nothing/here', asAdmin, 404],
    ['PATCH', '/dead-letters/x/nothing/here', asAdmin, 404],
    ['GET', '/dead-letters/a%0Ab', asAdmin, 400],
    ['GET', '/dead-letters?limit=1&limit=9', asAdmin, 400],
    ['GET', '/dead-letters?from=2026-02-30', asAdmin, 422],
  ])('%s %s is a problem', async (method, path, headers, status) => {
    const { url } = await boot();
    const response = await fetch(`${url}/messaging/api/v1${path}`, { method, headers });
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await jsonOf(response)).toMatchObject({ status });
  });

  it('a body that is too large is refused', async () => {
    const { url } = await boot();
    const response = await fetch(`${url}/messaging/api/v1/operations`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'x'.repeat(70_000) }),
    });
    expect(response.status).toBe(413);
  });

  it('wrong keys are counted for the address that the host trusts', async () => {
    const { url } = await boot('127.0.0.1');
    const ask = async (key: string, from: string): Promise<number> => {
      const headers = { 'x-api-key': key, 'x-forwarded-for': from };
      return (await fetch(`${url}/messaging/api/v1/me`, { headers })).status;
    };
    for (let n = 0; n < 20; n++) expect(await ask('wrong', '192.0.2.1')).toBe(401);
    expect(await ask('viewer', '192.0.2.1')).toBe(429);
    expect(await ask('viewer', '192.0.2.2')).toBe(200);
  });
});
