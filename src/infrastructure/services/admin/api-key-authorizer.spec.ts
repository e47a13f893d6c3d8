import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { hasRole } from './admin-authorizer.js';
import { adminSettings } from './admin.options.js';
import { apiKeyAuthorizer } from './api-key-authorizer.js';

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');
const authorize = apiKeyAuthorizer({
  keys: [
    { name: 'ann', sha256: sha256('key-of-ann'), roles: ['admin'] },
    { name: 'bob', sha256: sha256('key-of-bob').toUpperCase(), roles: ['viewer'] },
  ],
});
const ask = (headers: IncomingHttpHeaders) => authorize({ method: 'GET', url: '/', headers });

describe('API keys', () => {
  it('are accepted as bearer token and as X-Api-Key', () => {
    expect(ask({ authorization: 'Bearer key-of-ann' })).toEqual({ subject: 'ann', roles: ['admin'] });
    expect(ask({ authorization: 'bearer  key-of-bob' })).toMatchObject({ subject: 'bob' });
    expect(ask({ 'x-api-key': 'key-of-bob' })).toMatchObject({ subject: 'bob' });
  });

  it.each([
    {},
    { authorization: 'Bearer ' },
    { authorization: 'Basic key-of-ann' },
    { authorization: 'Bearer key-of-eve' },
    { 'x-api-key': '' },
    { 'x-api-key': 'x'.repeat(100_000) },
    { 'x-api-key': sha256('key-of-ann') },
  ])('are refused as %j', (headers) => {
    expect(ask(headers as IncomingHttpHeaders)).toBeNull();
  });

  it('are refused at the start when they are not hashes or have no role', () => {
    expect(() => apiKeyAuthorizer({ keys: [{ name: 'a', sha256: 'key-of-ann', roles: [] }] })).toThrow(
      /64 hex digits[^]*roles/,
    );
  });
});

describe('roles', () => {
  it('contain the lower ones, and payload:read is apart', () => {
    const operator = { subject: 'x', roles: ['operator'] as const };
    expect(hasRole(operator, 'viewer')).toBe(true);
    expect(hasRole(operator, 'operator')).toBe(true);
    expect(hasRole(operator, 'admin')).toBe(false);
    expect(hasRole(operator, 'payload:read')).toBe(false);
    expect(hasRole({ subject: 'x', roles: ['payload:read'] }, 'viewer')).toBe(false);
    expect(hasRole({ subject: 'x', roles: ['root' as 'admin'] }, 'viewer')).toBe(false);
  });
});

describe('the settings of the admin API', () => {
  it('refuse to be unguarded unless production is false', () => {
    expect(() => adminSettings({ authorizer: 'unguarded' })).toThrow(/unguarded/);
    expect(() => adminSettings({ authorizer: 'unguarded', production: true })).toThrow(/unguarded/);
    expect(adminSettings({ authorizer: 'unguarded', production: false })).toMatchObject({
      basePath: '/messaging',
      allowPayload: false,
    });
  });

  it.each(['messaging', '/', '/a/', '/a b', '/a/../b?'])('refuse the base path %j', (basePath) => {
    expect(() => adminSettings({ authorizer: authorize, basePath })).toThrow(/basePath/);
  });
});
