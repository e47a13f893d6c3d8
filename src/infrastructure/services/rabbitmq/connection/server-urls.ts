import type { ConnectionOptions } from 'node:tls';
import { MessagingConfigurationError } from '../../../../core/messaging/ports/errors.js';
import { readTls } from '../../tls/tls-options.js';
import type { Options } from '../client/amqplib-client.js';
import { problemsOfRabbitmq, type RabbitmqOptions } from '../rabbitmq.options.js';

/** A node: the options of the client, and an address without a secret. */
export interface ServerUrl {
  /** host:port, without a secret. */
  readonly address: string;
  readonly connect: Options.Connect;
  readonly tls: ConnectionOptions;
}

/** Default of `frame_max` of the broker. */
const FRAME_BYTES = 131_072;

/** @throws MessagingConfigurationError when the options do not fit together or a certificate cannot be read. */
export function serverUrlsOf(name: string, options: RabbitmqOptions): readonly ServerUrl[] {
  const problems = problemsOfRabbitmq(options).map((problem) => `RabbitMQ "${name}" ${problem}`);
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  const tls = options.tls ? readTls(`RabbitMQ "${name}"`, options.tls) : { minVersion: 'TLSv1.2' as const };
  return options.urls.map((text) => {
    const url = new URL(text);
    const isSecure = url.protocol === 'amqps:';
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port || (isSecure ? 5671 : 5672));
    return {
      address: `${url.hostname}:${port}`,
      connect: {
        protocol: isSecure ? 'amqps' : 'amqp',
        hostname,
        port,
        ...loginOf(url, options),
        vhost: encodeURIComponent(vhostOf(url, options)), // which the client decodes again
        heartbeat: options.heartbeatMs / 1_000,
        frameMax: FRAME_BYTES,
      },
      tls: isSecure ? tls : {},
    };
  });
}

function loginOf(
  url: URL,
  { username, password }: RabbitmqOptions,
): { readonly username?: string; readonly password?: string } {
  const user = url.username === '' ? username : decodeURIComponent(url.username);
  const secret = url.password === '' ? password : decodeURIComponent(url.password);
  // When both are missing, the client uses guest, the default user of a new broker.
  if (user === undefined && secret === undefined) return {};
  return { username: user ?? 'guest', password: secret ?? '' };
}

function vhostOf(url: URL, { vhost = '/' }: RabbitmqOptions): string {
  const path = decodeURIComponent(url.pathname.replace(/^\//, ''));
  return path === '' ? vhost : path;
}
