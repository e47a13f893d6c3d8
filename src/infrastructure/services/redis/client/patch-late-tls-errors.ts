import type { Duplex } from 'node:stream';

interface Connector {
  connect: (...args: unknown[]) => Promise<Duplex>;
}

type NewClient = new (options: object) => unknown;

const patched = new WeakSet<NewClient>();

/**
 * Keeps a listener for the errors of each connection that ioredis opens.
 *
 * Symptom: the process ends with an uncaught `ERR_SSL_TLSV1_ALERT_DECODE_ERROR`. ioredis listens for one error of a socket. One
 * that distrusts the certificate of its server has had that when the alert of the server arrives, and emits a second one.
 * Versions: 5.4 to 6.0. Test: `patch-late-tls-errors.spec.ts`, and the cluster of `redis-tls-deployments.spec.ts`.
 */
export function patchLateTlsErrors(Redis: NewClient): void {
  if (patched.has(Redis)) return;
  patched.add(Redis);
  // Clusters make their clients themselves, so that only the classes of the connectors reach all of them.
  const sentinel = { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'any' };
  for (const options of [{}, sentinel]) {
    const client = new Redis({ ...options, lazyConnect: true }) as { readonly connector?: Connector };
    if (client.connector) keepListening(Object.getPrototypeOf(client.connector) as Connector);
  }
}

function keepListening(connector: Connector): void {
  const { connect } = connector;
  connector.connect = async function (this: Connector, ...args: unknown[]) {
    const stream = await connect.apply(this, args);
    stream.on('error', () => undefined); // the first one is ioredis's, and closes it
    return stream;
  };
}
