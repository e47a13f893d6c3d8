import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import {
  createTestCertificates,
  type TestCertificates,
  type TlsFiles,
} from '../support/brokers/test-certificates.js';
import { kafkaBench } from './kafka-bench.js';
import { closeAll, publishOne } from './transport-bench.js';

const SHOWN = ['server', 'wrongHost', 'expired', 'selfSigned'] as const;
type Shown = (typeof SHOWN)[number];
const SECRET = 'not to be printed';
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

let certificates: TestCertificates;
let server: KafkaCluster;

beforeAll(async () => {
  certificates = await createTestCertificates();
  server = await startKafka({
    listeners: [
      ...SHOWN.map((shown) => ({ name: shown.toUpperCase(), protocol: 'SSL' as const })),
      { name: 'LOGIN', protocol: 'SASL_SSL' },
    ],
    scramUsers: [256, 512].map((bits) => `SCRAM-SHA-${bits}=[name=shop,password=${SECRET}]`),
    config: [
      ...SHOWN.flatMap((shown) => keyOf(shown.toUpperCase(), certificates[shown])),
      ...keyOf('LOGIN', certificates.server),
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      `listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_shop="${SECRET}";`,
      ...[256, 512].map(
        (bits) =>
          `listener.name.login.scram-sha-${bits}.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;`,
      ),
    ],
  });
}, 120_000);
afterEach(closeAll);
afterAll(async () => {
  await server.stop();
  certificates.remove();
});

/** The broker wants key and certificate in one file. */
function keyOf(listener: string, { keyFile, certificateFile }: TlsFiles): string[] {
  const file = join(certificates.directory, `${listener}.pem`);
  writeFileSync(file, readFileSync(keyFile, 'utf8') + readFileSync(certificateFile, 'utf8'));
  const prefix = `listener.name.${listener.toLowerCase()}.ssl.keystore`;
  return [`${prefix}.type=PEM`, `${prefix}.location=${file}`];
}

async function connectTo(listener: string, options: object): Promise<string> {
  const brokers = server.brokersOn(listener.toUpperCase());
  const { transport, events } = kafkaBench({ brokers, connectTimeoutMs: 5_000, ...options });
  try {
    await transport.connect();
    return (await publishOne(transport, 't', { deadlineMs: 10_000 })).kind;
  } catch (error) {
    const { message, stack = '' } = error as Error;
    expect(`${message}${stack}${JSON.stringify(error)}${JSON.stringify(events)}`).not.toContain(SECRET);
    return message;
  }
}

const login = (mechanism: string, password = SECRET): object => ({
  tls: { caFile: certificates.caFile },
  sasl: { mechanism, username: 'shop', password },
});

describe('Kafka over TLS', () => {
  it('takes a broker whose certificate its authority has signed', async () => {
    expect(await connectTo('server', { tls: { caFile: certificates.caFile } })).toBe('accepted');
  }, 60_000);

  it.each(['wrongHost', 'expired', 'selfSigned'] satisfies Shown[])(
    'refuses a certificate that is %s, and names the reason',
    async (shown) => {
      const message = await connectTo(shown, { tls: { caFile: certificates.caFile } });
      expect(message).toContain('its certificate is not trusted');
    },
    60_000,
  );

  it('refuses an authority that is not configured', async () => {
    expect(await connectTo('server', { tls: {} })).toContain('its certificate is not trusted');
  }, 60_000);

  it('accepts any certificate when verification is off', async () => {
    const tls = { dangerouslyAllowInvalidCerts: true };
    expect(await connectTo('selfSigned', { tls })).toBe('accepted');
  }, 60_000);
});

describe('Kafka with a login', () => {
  it.each(MECHANISMS)(
    'takes a user by %s',
    async (mechanism) => {
      expect(await connectTo('login', login(mechanism))).toBe('accepted');
    },
    60_000,
  );

  it.each(MECHANISMS)(
    'refuses another password by %s with an error that does not contain it',
    async (mechanism) => {
      const message = await connectTo('login', login(mechanism, `${SECRET} at all`));
      expect(message).toContain('does not accept the user and password');
    },
    60_000,
  );

  it('refuses a client without a login', async () => {
    const message = await connectTo('login', { tls: { caFile: certificates.caFile } });
    expect(message).toContain('cannot be reached');
  }, 60_000);
});
