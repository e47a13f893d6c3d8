import type { ConnectionOptions } from 'node:tls';
import { MessagingConfigurationError } from '../../../../core/messaging/ports/errors.js';
import { type HostAndPort, readHostAndPort, writeHostAndPort } from '../../addresses/host-and-port.js';
import { namedTls, PLAIN_TLS, readTls } from '../../tls/tls-options.js';
import type { IoredisOptions } from '../client/ioredis-client.js';
import { problemsOfServer, readRedisUrl, type RedisServerOptions } from '../redis.options.js';

/** Where a server is, with the TLS options for its name. */
export type Place = HostAndPort &
  Pick<ConnectionOptions, 'servername'> & { readonly tls?: ConnectionOptions };

/** Addresses and credentials of the servers, read and checked once. */
export interface ServerAddresses {
  readonly mode: 'server' | 'sentinels' | 'cluster';
  /** Name in errors. Holds no secret. */
  readonly label: string;
  readonly nodes: readonly Place[];
  /** Options of every connection to a data server. */
  readonly common: IoredisOptions;
  /** Where a server is that announces `host:port`: natMap is applied. */
  readonly placeOf: (announced: string) => Place;
  /** Where a server at `host:port` is. */
  readonly placeAt: (address: string) => Place;
}

/** @throws MessagingConfigurationError when the options do not fit together or a certificate cannot be read. */
export function addressesOf(name: string, options: RedisServerOptions): ServerAddresses {
  const problems = problemsOfServer(options).map((problem) => `Redis "${name}" ${problem}`);
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  const tls = options.tls ? readTls(`Redis "${name}"`, options.tls) : undefined;
  const natMap = new Map(Object.entries(options.natMap ?? {}));
  const placeAt = (address: string): Place => place(splitAddress(address), tls);
  const placeOf = (announced: string): Place => placeAt(natMap.get(announced) ?? announced);
  const common: IoredisOptions = {
    ...given({ username: options.username, password: options.password, tls }),
    db: options.database,
  };
  const from = { name, options, common, tls, placeOf, placeAt };
  if (options.cluster) return inCluster(from, options.cluster);
  return options.sentinels ? behindSentinels(from, options.sentinels) : atUrl(from, options.url ?? '');
}

interface Given extends Pick<ServerAddresses, 'common' | 'placeOf' | 'placeAt'> {
  readonly name: string;
  readonly options: RedisServerOptions;
  readonly tls: ConnectionOptions | undefined;
}

function inCluster({ name, common, placeOf, placeAt }: Given, addresses: readonly string[]): ServerAddresses {
  const nodes = addresses.map(placeAt);
  return { mode: 'cluster', label: `Redis cluster "${name}"`, nodes, common, placeOf, placeAt };
}

function behindSentinels(from: Given, addresses: readonly string[]): ServerAddresses {
  const { name, options, common, tls, placeOf, placeAt } = from;
  const nodes = addresses.map(splitAddress);
  const [host, ...others] = new Set(nodes.map((node) => node.host));
  const sentinels: IoredisOptions = {
    name: options.sentinelName,
    sentinels: [...nodes],
    natMap: placeOf,
    ...given({
      sentinelUsername: options.sentinelUsername,
      sentinelPassword: options.sentinelPassword,
      enableTLSForSentinelMode: tls && true,
      // The client has one set of options for all sentinels, so that only one name can be asked for.
      sentinelTLS: tls && host !== undefined && others.length === 0 ? namedTls(tls, host) : tls,
    }),
  };
  const label = `Redis "${name}" behind sentinels`;
  return { mode: 'sentinels', label, nodes, common: { ...common, ...sentinels }, placeOf, placeAt };
}

/** The URL takes precedence, except for the details of TLS, which it cannot hold. */
function atUrl({ name, common, tls, placeOf, placeAt }: Given, text: string): ServerAddresses {
  const read = readRedisUrl(text);
  if ('problem' in read)
    throw new MessagingConfigurationError([`Redis "${name}" has a url that ${read.problem}.`]);
  const { scheme, host, port = 6379, username, password } = read.url;
  const node = place({ host, port }, tls ?? (scheme === 'rediss' ? PLAIN_TLS : undefined));
  const own = { host, port, ...given({ username, password, db: read.database, tls: node.tls }) };
  const label = `Redis "${name}" at ${writeHostAndPort(node)}`;
  return { mode: 'server', label, nodes: [node], common: { ...common, ...own }, placeOf, placeAt };
}

/** The client takes TLS options from a node of a cluster, and only the name from what sentinels announce. */
function place(address: HostAndPort, tls: ConnectionOptions | undefined): Place {
  if (!tls) return address;
  const named = namedTls(tls, address.host);
  return { ...address, tls: named, ...given({ servername: named.servername }) };
}

/** Without undefined values, which the client would take for settings. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/** Servers announce IPv6 addresses without brackets. */
function splitAddress(text: string): HostAndPort {
  const read = readHostAndPort(text);
  if ('address' in read) return read.address;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}
