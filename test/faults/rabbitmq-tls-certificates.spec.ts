import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { createTestCertificates, type TestCertificates } from '../support/brokers/test-certificates.js';
import { rabbitmqBench } from './rabbitmq-bench.js';
import { closeAll, publishOne } from './transport-bench.js';

let certificates: TestCertificates;
const servers = new Map<string, RabbitmqCluster>();

beforeAll(async () => {
  certificates = await createTestCertificates();
}, 60_000);
afterEach(closeAll);
afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  certificates.remove();
});

async function connectTo(
  shown: 'server' | 'wrongHost' | 'expired' | 'selfSigned',
  tls: object | undefined,
): Promise<string> {
  const server = servers.get(shown) ?? (await startRabbitmq({ tls: certificates[shown] }));
  servers.set(shown, server);
  const { transport } = rabbitmqBench({ urls: server.urls, connectTimeoutMs: 5_000, ...(tls && { tls }) });
  try {
    await transport.connect();
  } catch (error) {
    return (error as Error).message;
  }
  return (await publishOne(transport, 't')).kind;
}

it('accepts a server whose certificate its authority has signed', async () => {
  expect(await connectTo('server', { caFile: certificates.caFile })).toBe('accepted');
}, 60_000);

it.each([
  ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['expired', 'CERT_HAS_EXPIRED'],
  ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
] as const)(
  'refuses a certificate that is %s, and reports it',
  async (shown, code) => {
    expect(await connectTo(shown, { caFile: certificates.caFile })).toContain(code);
  },
  60_000,
);

it('refuses an authority that is not configured', async () => {
  const unknown = /UNABLE_TO_VERIFY|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER/;
  expect(await connectTo('server', undefined)).toMatch(unknown);
}, 60_000);

it('takes any certificate when it is configured so, as tests may want', async () => {
  expect(await connectTo('selfSigned', { dangerouslyAllowInvalidCerts: true })).toBe('accepted');
}, 60_000);
