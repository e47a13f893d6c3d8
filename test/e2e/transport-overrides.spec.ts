import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { BalancedTransport } from '../../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { balancedOptionsSchema } from '../../src/infrastructure/services/composites/balanced/balanced.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { z } from 'zod';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { defineMessage } from '../../src/core/messaging/index.js';
import { documentedFetch as fetch } from '../support/documented-answers.js';
import { eventually } from '../support/demonstration.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer, bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));
afterEach(() => closeOperations());

const contextOf = (name: string) => ({ name, clock: systemClock, onEvent: () => undefined });

async function boot() {
  const quick = { probeIntervalMs: 50, maxProbeIntervalMs: 50 };
  const both = new BalancedTransport(
    [memoryTransport('a'), memoryTransport('b')],
    balancedOptionsSchema.parse(quick),
    contextOf('both'),
  );
  const main = new FailoverTransport(
    [both, memoryTransport('c')],
    failoverOptionsSchema.parse({ ...quick, failBackAfterMs: 0 }),
    contextOf('main'),
  );
  const imports = [HealthModule.forRoot({ authorizer, cacheMs: 0 })];
  const { url, messaging } = await bootOperations({ imports }, { transports: [main], messages: [Placed] });
  const api = `${url}/messaging/api/v1/transports`;
  const as = (role: string) => ({ authorization: `Bearer ${role}`, 'content-type': 'application/json' });
  return {
    act: (name: string, body: object, role = 'admin') =>
      fetch(`${api}/${name}/actions`, { method: 'POST', headers: as(role), body: JSON.stringify(body) }),
    read: async (path: string): Promise<unknown> =>
      jsonOf(await fetch(`${api}${path}`, { headers: as('viewer') })),
    publishedOn: async () => (await messaging.publish(Placed, { n: 1 })).transport,
  };
}

const reason = 'maintenance';

it('shows every transport, also those inside', async () => {
  const { read } = await boot();
  const { items } = (await read('')) as { items: { name: string }[] };
  expect(items.map(({ name }) => name)).toEqual(['main', 'both', 'a', 'b', 'c']);
  expect(await read('/main')).toMatchObject({
    system: 'failover',
    active: ['both'],
    members: [
      { name: 'both', works: true, inside: { active: ['a', 'b'] } },
      { name: 'c', works: true },
    ],
  });
});

it('publishes on the member that an operator wants, until the time is over', async () => {
  const { act, publishedOn, read } = await boot();
  const response = await act('main', { action: 'use', member: 'c', reason, forSeconds: 1 });
  expect([response.status, await jsonOf(response)]).toMatchObject([200, { active: ['c'] }]);
  expect(await publishedOn()).toBe('c');
  await eventually(
    async () => ((await read('/main')) as { active: string[] }).active[0] === 'both' || undefined,
  );
  expect(['a', 'b']).toContain(await publishedOn());
});

it('leaves out a member, also of an inner composite, until the override expires or is reset', async () => {
  const { act, publishedOn, read } = await boot();
  expect((await act('both', { action: 'leave-out', member: 'a', reason })).status).toBe(200);
  for (let nth = 0; nth < 5; nth++) expect(await publishedOn()).toBe('b');
  expect(await read('/both')).toMatchObject({
    active: ['b'],
    members: [{ works: false, isLeftOut: true }, {}],
  });
  await act('main', { action: 'leave-out', member: 'both', reason, forSeconds: 1 });
  expect(await publishedOn()).toBe('c');
  await act('both', { action: 'reset', member: 'a', reason });
  expect(await read('/both')).toMatchObject({ active: ['a', 'b'] });
  await eventually(
    async () => ((await read('/main')) as { active: string[] }).active[0] === 'both' || undefined,
  );
});

it.each([
  ['a transport that is not there', 'nowhere', { action: 'reset', member: 'a', reason }, 404],
  ['a member that is not there', 'main', { action: 'reset', member: 'a', reason }, 404],
  ['a transport of one part', 'c', { action: 'reset', member: 'c', reason }, 422],
  ['what its kind cannot do', 'both', { action: 'use', member: 'a', reason }, 422],
  ['a spool that is not there', 'main', { action: 'pause-spool', reason }, 422],
  ['no reason', 'main', { action: 'use', member: 'c' }, 400],
  ['no member', 'main', { action: 'use', reason }, 400],
  ['no end', 'main', { action: 'use', member: 'c', reason, forSeconds: 1e9 }, 422],
  ['half a second', 'main', { action: 'use', member: 'c', reason, forSeconds: 0.5 }, 422],
  ['no time', 'main', { action: 'use', member: 'c', reason, forSeconds: '1' }, 400],
  ['an unknown action', 'main', { action: 'explode', member: 'c', reason }, 422],
])('refuses %s', async (_, name, body, status) => {
  const { act } = await boot();
  expect((await act(name, body)).status).toBe(status);
});

it('wants an admin', async () => {
  const { act } = await boot();
  expect((await act('main', { action: 'use', member: 'c', reason }, 'operator')).status).toBe(403);
});

it('cannot use a member that does not work', async () => {
  const { act } = await boot();
  await act('main', { action: 'leave-out', member: 'c', reason });
  expect((await act('main', { action: 'use', member: 'c', reason })).status).toBe(409);
});
