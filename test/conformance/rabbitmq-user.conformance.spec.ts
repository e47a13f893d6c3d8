import { readFileSync } from 'node:fs';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { rabbitmqConformance } from './rabbitmq-suite.js';
import { describeTransport } from './transport-suite.js';

/** The permissions that the documentation gives: to configure, to write and to read. */
const permissions =
  /set_permissions shop '([^']*)' '([^']*)' '([^']*)'/
    .exec(readFileSync('docs/using/rabbitmq.md', 'utf8'))
    ?.slice(1) ?? [];
let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
  await server.control('add_user', 'shop', 'change-me');
  await server.control('set_permissions', 'shop', ...permissions);
}, 120_000);
afterAll(() => server.stop());

it('the documentation gives permissions for names of ours only', () => {
  expect(permissions).toHaveLength(3);
  for (const permission of permissions) {
    expect('switchyard.t').toMatch(new RegExp(permission));
    for (const strange of ['orders', 'amq.topic', 'a.switchyard.t'])
      expect(strange).not.toMatch(new RegExp(permission));
  }
});

// All but what is about outages alone, which know no permissions and which the other suites have.
describeTransport(
  'RabbitMQ with classic queues and the permissions that the documentation gives',
  rabbitmqConformance(
    () => server,
    () => ({ username: 'shop', password: 'change-me', queueType: 'classic' }),
  ),
  [
    'delivering',
    'groups',
    'forgetting',
    'retrying',
    'delaying',
    'ordering',
    'pressure',
    'limits',
    'stopping',
    'closing',
    'restarting',
    'crashing',
    'backlog',
    'answering',
  ],
);
