import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { createTestCertificates, type TestCertificates } from '../support/brokers/test-certificates.js';
import { redisBench } from './redis-bench.js';
import { closeAll } from './transport-bench.js';

let certificates: TestCertificates;
let server: RedisServer;
let proxy: Server;
/** Server names that clients have asked the proxy for. */
const names = new Set<unknown>();

beforeAll(async () => {
  certificates = await createTestCertificates();
  server = await startRedis();
  proxy = await proxyOf(server.port);
}, 60_000);
afterEach(async () => {
  await closeAll();
  names.clear();
});
afterAll(async () => {
  proxy.close();
  await server.stop();
  certificates.remove();
});

/** Serves several names, and shows the certificate of another host to whoever names none. */
async function proxyOf(behind: number): Promise<Server> {
  const read = ({ keyFile, certificateFile }: TestCertificates['server']): { key: Buffer; cert: Buffer } => ({
    key: readFileSync(keyFile),
    cert: readFileSync(certificateFile),
  });
  const made = createServer(
    {
      ...read(certificates.selfSigned),
      SNICallback: (name, done) =>
        done(
          null,
          createSecureContext(read(name === 'localhost' ? certificates.server : certificates.wrongHost)),
        ),
    },
    (socket: TLSSocket & { readonly servername: string | false | null }) => {
      names.add(socket.servername);
      const inner = connect(behind, '127.0.0.1');
      socket.on('error', () => inner.destroy()).pipe(inner);
      inner.on('error', () => socket.destroy()).pipe(socket);
    },
  );
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return made;
}

const connectTo = async (host: string, tls: object = {}): Promise<void> => {
  const { port } = proxy.address() as AddressInfo;
  const options = { url: `rediss://${host}:${port}`, tls: { caFile: certificates.caFile, ...tls } };
  await redisBench({ ...options, connectTimeoutMs: 2_000 }).transport.connect();
};

it('TLS asks for the host of the URL', async () => {
  await connectTo('localhost');
  expect([...names]).toEqual(['localhost']);
});

it('TLS asks for the server name that is configured instead', async () => {
  await connectTo('127.0.0.1', { serverName: 'localhost' });
  expect([...names]).toEqual(['localhost']);
  await expect(connectTo('localhost', { serverName: 'other' })).rejects.toThrow(
    'ERR_TLS_CERT_ALTNAME_INVALID',
  );
});

it('TLS asks for no name where the host is an address', async () => {
  await expect(connectTo('127.0.0.1')).rejects.toThrow('DEPTH_ZERO_SELF_SIGNED_CERT');
});
