import type { ConnectionOptions } from 'node:tls';
import { MessagingConfigurationError } from '../../../../core/messaging/ports/errors.js';
import { readTls } from '../../tls/tls-options.js';
import type { IoredisOptions } from '../client/ioredis-client.js';
import { problemsOfServer, type RedisServerOptions } from '../redis.options.js';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Addresses and credentials of the servers, read and checked once. */
export interface ServerAddresses {
  readonly mode: 'server' | 'sentinels' | 'cluster';
  /** Name in errors. Holds no secret. */
  readonly label: string;
  readonly nodes: readonly HostAndPort[];
  /** Options of every connection to a data server. */
  readonly common: IoredisOptions;
  readonly natMap: Readonly<Record<string, HostAndPort>> | undefined;
}

/** @throws MessagingConfigurationError when the options do not fit together or a certificate cannot be read. */
export function addressesOf(name: string, options: RedisServerOptions): ServerAddresses {
  const problems = problemsOfServer(options).map((problem) => `Redis "${name}" ${problem}`);
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  const tls = options.tls ? readTls(`Redis "${name}"`, options.tls) : undefined;
  const natMap = options.natMap && mapValues(options.natMap, parseAddress);
  const common = {
    ...given({ username: options.username, password: options.password, tls }),
    db: options.database,
  };
  if (options.cluster) {
    const nodes = options.cluster.map(parseAddress);
    return { mode: 'cluster', label: `Redis cluster "${name}"`, nodes, common, natMap };
  }
  if (options.sentinels) return behindSentinels(name, options, { common, tls, natMap });
  const { own, node } = fromUrl(options.url ?? '');
  const label = `Redis "${name}" at ${node.host}:${node.port}`;
  // The URL takes precedence, except for the details of TLS, which it cannot hold.
  return { mode: 'server', label, nodes: [node], common: { ...common, ...own, ...given({ tls }) }, natMap };
}

function behindSentinels(
  name: string,
  options: RedisServerOptions,
  {
    common,
    tls,
    natMap,
  }: Pick<ServerAddresses, 'common' | 'natMap'> & { readonly tls: ConnectionOptions | undefined },
): ServerAddresses {
  const nodes = (options.sentinels ?? []).map(parseAddress);
  const sentinels: IoredisOptions = {
    name: options.sentinelName,
    sentinels: [...nodes],
    ...given({
      sentinelUsername: options.sentinelUsername,
      sentinelPassword: options.sentinelPassword,
      enableTLSForSentinelMode: tls && true,
      sentinelTLS: tls,
      natMap,
    }),
  };
  const label = `Redis "${name}" behind sentinels`;
  return { mode: 'sentinels', label, nodes, common: { ...common, ...sentinels }, natMap };
}

/** Without undefined values, which the client would take for settings. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

function fromUrl(text: string): { own: IoredisOptions; node: HostAndPort } {
  const url = new URL(text);
  const node = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) };
  const database = url.pathname.replace(/^\//, '');
  const own: IoredisOptions = {
    ...node,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(database === '' ? {} : { db: Number(database) }),
    ...(url.protocol === 'rediss:' ? { tls: { minVersion: 'TLSv1.2' as const } } : {}),
  };
  return { own, node };
}

function parseAddress(text: string): HostAndPort {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
