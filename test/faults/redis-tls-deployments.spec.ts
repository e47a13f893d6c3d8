import { type RedisClusterSetup, startRedisCluster } from '../support/brokers/redis-cluster.js';
import { type RedisSentinelSetup, startRedisSentinel } from '../support/brokers/redis-sentinel.js';
import { createTestCertificates, type TestCertificates } from '../support/brokers/test-certificates.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { connected, redisBench } from './redis-bench.js';
import { closeAll, collected, publishOne } from './transport-bench.js';

const TOPIC = 'orders';
const PREFIX = 'tls:';
let certificates: TestCertificates;

beforeAll(async () => {
  certificates = await createTestCertificates();
}, 60_000);
afterEach(closeAll);
afterAll(() => certificates.remove());

const listed = (addresses: readonly { readonly host: string; readonly port: number }[]): string[] =>
  addresses.map(({ host, port }) => `${host}:${port}`);

/** Carries a message, loses its primary, carries another. Then the same without the authority, and with plain text. */
async function proveEncrypted(
  servers: object,
  { failOver, why }: { failOver: () => Promise<unknown>; why: RegExp },
): Promise<void> {
  const tls = { caFile: certificates.caFile };
  const { transport } = await connected({ ...servers, tls, keyPrefix: PREFIX });
  const deliveries = await collected(transport, TOPIC);
  const carry = async (id: string): Promise<void> => {
    await waitUntil(
      `${id} is taken`,
      async () => (await publishOne(transport, TOPIC, { id })).kind === 'accepted',
    );
    await waitUntil(`${id} arrives`, async () => deliveries.some(({ message }) => message.id === id));
  };
  await carry('before');
  await failOver();
  await carry('after');

  const stranger = redisBench({ ...servers, tls: {}, connectTimeoutMs: 1_500 });
  await expect(stranger.transport.connect()).rejects.toThrow(why);
  const plain = redisBench({ ...servers, connectTimeoutMs: 1_500 });
  await expect(plain.transport.connect()).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
}

describe('with TLS on every connection', () => {
  it('a primary behind sentinels is found, and found again after its death', async () => {
    const setup: RedisSentinelSetup = await startRedisSentinel({ tls: certificates.server });
    try {
      const servers = { sentinels: listed(setup.sentinels), sentinelName: setup.name };
      await proveEncrypted(servers, {
        failOver: async () => setup.failedOver(await setup.killPrimary()),
        why: /no sentinel knows a reachable primary/, // the client keeps to itself why it cannot talk to them
      });
    } finally {
      await setup.stop();
    }
  }, 90_000);

  it('a cluster is used, also after the death of a primary', async () => {
    const setup: RedisClusterSetup = await startRedisCluster({ tls: certificates.server });
    const key = new TopicKeys(PREFIX, TOPIC).log;
    try {
      await proveEncrypted(
        { cluster: listed(setup.addresses) },
        {
          failOver: async () => setup.failedOver(key, await setup.killPrimaryOf(key)),
          why: /UNABLE_TO_VERIFY|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER/,
        },
      );
    } finally {
      await setup.stop();
    }
  }, 90_000);
});
