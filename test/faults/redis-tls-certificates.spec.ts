import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { createTestCertificates, type TestCertificates } from '../support/brokers/test-certificates.js';
import { redisBench } from './redis-bench.js';
import { closeAll, publishOne } from './transport-bench.js';

let certificates: TestCertificates;
const servers: RedisServer[] = [];

beforeAll(async () => {
  certificates = await createTestCertificates();
}, 60_000);
afterEach(async () => {
  await closeAll();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
afterAll(() => certificates.remove());

async function connectTo(
  shown: 'server' | 'wrongHost' | 'expired' | 'selfSigned',
  tls: object,
): Promise<string> {
  const server = await startRedis({ tls: certificates.server });
  servers.push(server);
  const { certificateFile, keyFile } = certificates[shown];
  await server.command('CONFIG', 'SET', 'tls-cert-file', certificateFile, 'tls-key-file', keyFile);
  const { transport } = redisBench({ url: server.url, tls, connectTimeoutMs: 1_500 });
  try {
    await transport.connect();
  } catch (error) {
    return (error as Error).message;
  }
  return (await publishOne(transport, 't')).kind;
}

it('accepts a server whose certificate its authority has signed', async () => {
  expect(await connectTo('server', { caFile: certificates.caFile })).toBe('accepted');
});

it.each([
  ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['expired', 'CERT_HAS_EXPIRED'],
  ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
] as const)('refuses a certificate that is %s, and reports it', async (shown, code) => {
  expect(await connectTo(shown, { caFile: certificates.caFile })).toContain(code);
});

it('refuses an authority that is not configured', async () => {
  expect(await connectTo('server', {})).toMatch(
    /UNABLE_TO_VERIFY|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER/,
  );
});

it('takes any certificate when it is configured so, as tests may want', async () => {
  expect(await connectTo('selfSigned', { dangerouslyAllowInvalidCerts: true })).toBe('accepted');
});
