import { request } from 'node:http';
import { Controller, Get, Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AdminAuthorizer } from '../../src/infrastructure/services/admin/index.js';
import { MessagingError } from '../../src/core/messaging/index.js';
import { documentedFetch as fetch } from '../support/documented-answers.js';
import {
  authorizer,
  bootOperations,
  closeOperations,
  jsonOf,
  type OperationsApp,
} from '../support/operations-app.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeOperations();
});

const API = '/messaging/api/v1';
const ID = '01a00000-0000-7000-8000-000000000000';
const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const EVERYTHING = { subject: 'all', roles: ['admin', 'payload:read'] } as const;
const JSON_TYPE = { 'content-type': 'application/json' };

/** Without a length, so that only what arrives can be counted. */
function sendInChunks(url: string, text: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', headers: { ...as('operator'), ...JSON_TYPE } });
    sending.on('error', reject).on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString()) });
      });
    });
    for (let at = 0; at < text.length; at += 10_000) sending.write(text.slice(at, at + 10_000));
    sending.end();
  });
}

@Controller('host')
class HostController {
  @Get()
  fail(): never {
    throw new Error('of the host');
  }
}

const boot = (authorize: AdminAuthorizer = authorizer): Promise<OperationsApp> =>
  bootOperations({ controllers: [HostController] }, {}, { authorizer: authorize });

const ROUTES: readonly [method: string, path: string, role: string][] = [
  ['GET', '/me', 'viewer'],
  ['GET', '/dead-letters', 'viewer'],
  ['GET', `/dead-letters/${ID}`, 'viewer'],
  ['GET', `/dead-letters/${ID}/payload`, 'payload:read'],
  ['GET', '/dead-letter-groups', 'viewer'],
  ['GET', '/subscriptions', 'viewer'],
  ['GET', '/subscriptions/orders.placed/shop', 'viewer'],
  ['PATCH', '/subscriptions/orders.placed/shop', 'operator'],
  ['POST', '/process/drain', 'admin'],
  ['POST', '/operations', 'operator'],
  ['GET', '/operations', 'viewer'],
  ['GET', `/operations/${ID}`, 'viewer'],
  ['GET', `/operations/${ID}/items`, 'viewer'],
  ['PATCH', `/operations/${ID}`, 'operator'],
  ['GET', '/nothing/here', 'viewer'],
];
const LADDER = ['viewer', 'operator', 'admin'];

describe('access', () => {
  it('is denied to unauthenticated callers and lower roles on every route, and audited', async () => {
    const lines: string[] = [];
    const { url } = await boot();
    jest.spyOn(Logger.prototype, 'log').mockImplementation((line: unknown) => void lines.push(String(line)));
    for (const [method, path, role] of ROUTES) {
      const target = `${url}${API}${path}`;
      const stranger = await fetch(target, { method });
      expect([path, stranger.status]).toEqual([path, 401]);
      expect(stranger.headers.get('www-authenticate')).toContain('Bearer');
      expect(await jsonOf(stranger)).toMatchObject({
        type: 'urn:problem:messaging:unauthenticated',
        status: 401,
      });
      for (const key of LADDER) {
        const { status } = await fetch(target, { method, headers: as(key) });
        const mayPass = role !== 'payload:read' && LADDER.indexOf(key) >= LADDER.indexOf(role);
        expect([method, path, key, status === 403]).toEqual([method, path, key, !mayPass]);
      }
    }
    const entries = lines.map((line): unknown => JSON.parse(line));
    expect(entries).toContainEqual(
      expect.objectContaining({
        action: 'drain-process',
        outcome: 'denied',
        actor: 'operator',
        errorCode: 'forbidden',
      }),
    );
    expect(entries).toContainEqual(expect.objectContaining({ outcome: 'denied', actor: 'anonymous' }));
  });

  it.each<[string, AdminAuthorizer]>([
    [
      'throws',
      () => {
        throw new Error('canary');
      },
    ],
    ['rejects', () => Promise.reject(new Error('canary'))],
  ])('is denied when the authorizer %s', async (_, failing) => {
    const { url } = await boot(failing);
    const response = await fetch(`${url}${API}/me`);
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain('canary');
  });
});

describe('a request that changes something', () => {
  it.each<[string, Record<string, string>, string | undefined, number]>([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'reason=x', 415],
    ['plain text', { 'content-type': 'text/plain' }, '{}', 415],
    ['a form without fields', { 'content-type': 'multipart/form-data; boundary=x' }, undefined, 415],
    ['a page of another site', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }, '{}', 403],
    ['a page of a neighbouring site', { ...JSON_TYPE, 'sec-fetch-site': 'same-site' }, '{}', 403],
    ['another origin', { ...JSON_TYPE, origin: 'https://evil.example' }, '{}', 403],
    ['a sandboxed page', { ...JSON_TYPE, origin: 'null' }, '{}', 403],
    ['a large body', JSON_TYPE, JSON.stringify({ reason: 'x'.repeat(70_000) }), 413],
    ['a huge body', JSON_TYPE, JSON.stringify({ reason: 'x'.repeat(300_000) }), 413],
    ['a body that is not JSON', JSON_TYPE, '{"a":', 400],
    ['a body that is no object', JSON_TYPE, '[1]', 400],
    ['unknown members', JSON_TYPE, '{"id":"x","__proto__":{"force":true}}', 400],
    ['an operation that does not exist', JSON_TYPE, '{"state":"paused"}', 404],
  ])('from %s is answered as it should be', async (_, headers, body, status) => {
    const { url } = await boot();
    const response = await fetch(`${url}${API}/operations/${ID}`, {
      method: 'PATCH',
      headers: { ...as('operator'), ...headers },
      ...(body !== undefined && { body }),
    });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await jsonOf(response)).toMatchObject({
      type: expect.stringMatching(/^urn:problem:messaging:[a-z-]+$/),
      title: expect.any(String),
      status,
      detail: expect.any(String),
      instance: expect.stringMatching(/^urn:request:/),
    });
  });

  it.each([
    ['more bytes than allowed', 'x'.repeat(70_000), 413],
    ['a valid body with more spaces behind it than allowed', ' '.repeat(2_000_000), 413],
    ['few bytes', 'x', 400],
  ])('with %s in chunks is answered as it should be, and changes nothing', async (_, filling, status) => {
    const { url } = await bootOperations({}, {}, { authorizer }, (app) =>
      (app as NestExpressApplication).useBodyParser('json', { limit: '10mb' }),
    );
    const text = filling.startsWith(' ') ? `{"reason":"x"}${filling}` : JSON.stringify({ reason: filling });
    const answer = await sendInChunks(`${url}${API}/operations`, text);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status });
    expect((await fetch(`${url}${API}/me`, { headers: as('viewer') })).status).toBe(200);
  });

  it('is accepted from a page of the same origin', async () => {
    const { url } = await boot();
    const response = await fetch(`${url}${API}/operations/${ID}`, {
      method: 'PATCH',
      headers: { ...as('operator'), ...JSON_TYPE, 'sec-fetch-site': 'same-origin' },
      body: '{"state":"paused"}',
    });
    expect(response.status).toBe(404);
  });
});

describe('an id in a path', () => {
  it.each([
    ['GET', '/dead-letters/a%0D%0Ab'],
    ['GET', '/dead-letters/a%0D%0Ab/payload'],
    ['PATCH', '/operations/a%0Ab'],
    ['GET', '/operations/a%00b'],
    ['GET', '/operations/a%1B%5B31mb/items'],
    ['GET', '/dead-letters/a%C2%85b'],
    ['GET', '/transports/a%0Ab'],
    ['POST', '/transports/a%0Ab/actions'],
  ])('with control characters is refused: %s %s', async (method, path) => {
    const { url } = await bootOperations({}, {}, { authorizer: () => EVERYTHING, allowPayload: true });
    const body = method !== 'GET' ? { body: '{}', headers: JSON_TYPE } : {};
    const response = await fetch(`${url}${API}${path}`, { method, ...body });
    expect(response.status).toBe(400);
    expect(await jsonOf(response)).toMatchObject({
      errors: [
        { pointer: expect.stringMatching(/^\/(id|name)$/), message: 'must have no control characters' },
      ],
    });
  });
});

describe('a query', () => {
  it.each([
    ['?limit=1&limit=9', 400],
    ['?limit[$gt]=1', 400],
    ['?limit=ten', 400],
    ['?colour=red', 400],
    ['?cursor=xyz', 400],
    ['?from=yesterday', 400],
    ['?from=2026-02-30', 422],
    ['?to=2026-02-30T00:00:00Z', 422],
    ['?from=2026-01-01T24:00:00Z', 422],
    ['?from=2025-02-29T00:00:00%2B01:00', 422],
    ['?limit=1000000000', 400],
    ['?limit=1000', 422],
    ['?status=lost', 422],
    ['?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 422],
  ])('%s answers %i', async (query, status) => {
    const { url } = await boot();
    const response = await fetch(`${url}${API}/dead-letters${query}`, { headers: as('viewer') });
    expect(response.status).toBe(status);
    expect(await jsonOf(response)).toMatchObject({ status, errors: [{ pointer: expect.any(String) }] });
  });
});

describe('a failure inside', () => {
  it('of the store is 503 and names no host', async () => {
    const { url, store } = await boot();
    const list = jest.spyOn(store, 'list');
    list.mockRejectedValueOnce(new MessagingError('STORE_UNAVAILABLE', 'connect to canary:6379'));
    const response = await fetch(`${url}${API}/dead-letters`, { headers: as('viewer') });
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(text).toContain('store-unavailable');
    expect(text).not.toContain('canary');
  });

  it('that is unexpected is 500 and shows no details', async () => {
    const { url, store } = await boot();
    jest.spyOn(store, 'list').mockRejectedValueOnce(new Error('canary at /srv/app.js'));
    const response = await fetch(`${url}${API}/dead-letters`, {
      headers: { ...as('viewer'), 'x-request-id': 'req-1' },
    });
    expect(response.status).toBe(500);
    expect(response.headers.get('x-request-id')).toBe('req-1');
    expect(await jsonOf(response)).toEqual({
      type: 'urn:problem:messaging:internal',
      title: 'Something went wrong inside',
      status: 500,
      detail: 'Something went wrong inside.',
      instance: 'urn:request:req-1',
    });
  });

  it('of the host stays as the host answers it', async () => {
    const { url } = await boot();
    const response = await fetch(`${url}/host`);
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await jsonOf(response)).toEqual({ statusCode: 500, message: 'Internal server error' });
    const notJson = await fetch(`${url}/host`, { method: 'POST', headers: JSON_TYPE, body: '{' });
    expect(await jsonOf(notJson)).toMatchObject({ statusCode: 400 });
  });
});
