import type { ConnectionOptions } from 'node:tls';
import { MessagingConfigurationError } from '../../../../core/messaging/ports/errors.js';
import { writeHostAndPort } from '../../addresses/host-and-port.js';
import type { ServerUrl } from '../../addresses/server-url.js';
import { namedTls, PLAIN_TLS, readTls } from '../../tls/tls-options.js';
import type { Options } from '../client/amqplib-client.js';
import { problemsOfRabbitmq, type RabbitmqOptions, readAmqpUrl } from '../rabbitmq.options.js';

/** A node: the options of the client, and an address without a secret. */
export interface NodeAddress {
  /** host:port, without a secret. */
  readonly address: string;
  readonly connect: Options.Connect;
  readonly tls: ConnectionOptions;
}

/** Default of `frame_max` of the broker. */
const FRAME_BYTES = 131_072;

/** @throws MessagingConfigurationError when the options do not fit together or a certificate cannot be read. */
export function serverUrlsOf(name: string, options: RabbitmqOptions): readonly NodeAddress[] {
  const problems = problemsOfRabbitmq(options).map((problem) => `RabbitMQ "${name}" ${problem}`);
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  const tls = options.tls ? readTls(`RabbitMQ "${name}"`, options.tls) : PLAIN_TLS;
  return options.urls.flatMap((text) => {
    const read = readAmqpUrl(text);
    return 'url' in read ? [nodeOf(read.url, options, tls)] : [];
  });
}

function nodeOf(url: ServerUrl, options: RabbitmqOptions, tls: ConnectionOptions): NodeAddress {
  const isSecure = url.scheme === 'amqps';
  const { host, port = isSecure ? 5671 : 5672 } = url;
  return {
    address: writeHostAndPort({ host, port }),
    connect: {
      protocol: isSecure ? 'amqps' : 'amqp',
      hostname: host,
      port,
      ...loginOf(url, options),
      vhost: encodeURIComponent(url.path ?? options.vhost ?? '/'), // which the client decodes again
      heartbeat: options.heartbeatMs / 1_000,
      frameMax: FRAME_BYTES,
    },
    tls: isSecure ? namedTls(tls, host) : {},
  };
}

/** When both are missing, the client uses guest, the default user of a new broker. */
function loginOf(
  url: ServerUrl,
  options: RabbitmqOptions,
): { readonly username?: string; readonly password?: string } {
  const [username, password] = [url.username ?? options.username, url.password ?? options.password];
  return username === undefined || password === undefined ? {} : { username, password };
}
