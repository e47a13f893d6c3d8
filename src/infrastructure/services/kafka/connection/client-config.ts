import type { ConnectionOptions } from 'node:tls';
import type { KafkaConfig } from 'kafkajs';
import { type HostAndPort, readHostAndPort } from '../../addresses/host-and-port.js';
import { readTls } from '../../tls/tls-options.js';
import { type ClientSockets, seedOf } from '../kafkajs/client-sockets.js';
import type { KafkaOptions } from '../kafka.options.js';
import type { Kafkajs, SASLOptions } from '../client/kafkajs-client.js';

/** Full jitter: each wait of the client is any part of its step, so that processes do not come back together. */
const FULL_JITTER = { factor: 1 } as const;

/** How the client's producers and consumers try again. */
export const CLIENT_RETRY = {
  ...FULL_JITTER,
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  retries: 8,
} as const;

/** @throws MessagingConfigurationError when a certificate cannot be read. */
export function tlsOf(name: string, { tls }: Pick<KafkaOptions, 'tls'>): ConnectionOptions | undefined {
  return tls && readTls(`Kafka "${name}"`, tls);
}

/** The configured brokers. Options that no schema has seen were refused before. */
export function brokersOf({ brokers }: Pick<KafkaOptions, 'brokers'>): readonly HostAndPort[] {
  return brokers.flatMap((text) => {
    const read = readHostAndPort(text);
    return 'address' in read ? [read.address] : [];
  });
}

export interface ClientWays {
  /** Brokers to ask for the others, in this order. */
  readonly seeds: readonly HostAndPort[];
  /** Where its connections are kept. */
  readonly sockets: ClientSockets;
}

export function clientConfigOf(
  name: string,
  options: KafkaOptions,
  { logLevel }: Kafkajs,
  { seeds, sockets }: ClientWays,
): KafkaConfig {
  const { sasl, connectTimeoutMs, requestTimeoutMs } = options;
  const ssl = tlsOf(name, options);
  return {
    clientId: `switchyard-${name}`,
    brokers: seeds.map(seedOf),
    socketFactory: sockets.create,
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: FULL_JITTER,
    // Events of the transport report failures; the client's own log would repeat each of them.
    logLevel: logLevel.NOTHING,
    ...(ssl ? { ssl } : {}),
    ...(sasl ? { sasl: sasl as SASLOptions } : {}),
  };
}
