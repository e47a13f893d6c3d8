import { isIPv6 } from 'node:net';

/** An address of a server. */
export interface HostAndPort {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const MAX_HOST_LENGTH = 253;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?$/;
const MAX_PORT = 65_535;

/**
 * Reads `host:port`, where the host may be `[IPv6]`.
 *
 * `problem` is the rest of a sentence about the key. It repeats nothing of the text, which may hold a password.
 */
export function readHostAndPort(
  text: string,
): { readonly address: HostAndPort } | { readonly problem: string } {
  const refused = notAnAddress(text);
  if (refused !== undefined) return { problem: refused };
  const [, written = '', digits] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const host = readHost(written);
  if (host === undefined) return { problem: `has a host that cannot be read (value not shown). ${WRITE}` };
  const port = readPort(digits ?? '');
  if (port === undefined) {
    const found = digits === undefined ? 'has no port' : 'has a port that is no number from 1 to 65535';
    return { problem: `${found}. ${WRITE}` };
  }
  return { address: { host, port } };
}

/** A host without the brackets of IPv6; undefined when it is none. */
export function readHost(written: string): string | undefined {
  if (written.length > MAX_HOST_LENGTH) return undefined;
  if (!written.startsWith('[')) return NAME.test(written) ? written : undefined;
  const address = written.slice(1, -1);
  return written.endsWith(']') && isIPv6(address) ? address : undefined;
}

/** Undefined when it is not the number of a port. */
export function readPort(digits: string): number | undefined {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

/** As it is written: IPv6 in brackets. */
export function writeHostAndPort({ host, port }: HostAndPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The host is this machine, so that nothing that is sent there can be read on a network. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) ||
    (isIPv6(name) && /^[0:]*:0*1$/.test(name))
  );
}

const WRITE = 'Write host:port, with an IPv6 address in brackets: [::1]:6379';

function notAnAddress(text: string): string | undefined {
  if (text.includes('@'))
    return 'has an "@" (value not shown). An address holds no user or password: these are keys of their own';
  if (text.includes('://')) return `is a URL (value not shown). ${WRITE}`;
  return /^[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$/.test(text)
    ? `has an IPv6 address without brackets. ${WRITE}`
    : undefined;
}
