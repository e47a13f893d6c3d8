import { isIPv4, isIPv6 } from 'node:net';

/** What Express and Fastify both know of a caller. `ip` follows the trust in proxies that the host has set. */
interface Caller {
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

const GROUPS = 8;

/** The address that a request counts for: that of the web framework, else that of its connection. */
export function clientAddress(request: Caller): string {
  return sameFormOf(request.ip ?? request.socket?.remoteAddress ?? '');
}

/**
 * One text for every form of an address: `::ffff:192.0.2.1` is `192.0.2.1`. IPv6 is cut to its first 64 bits, because
 * one customer has all addresses of such a network. What is no address is `unknown`, also from a header that is believed.
 */
export function sameFormOf(address: string): string {
  const bare = withoutPort(address.trim()).replace(/%.*$/, '');
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return 'unknown';
  const groups = groupsOf(bare);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

function withoutPort(address: string): string {
  const [, inBrackets] = /^\[(.+)\](?::\d+)?$/.exec(address) ?? [];
  const [, v4] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address) ?? [];
  return inBrackets ?? v4 ?? address;
}

/** A URL writes every form of an IPv6 address in the same way: lower case, and no dotted end. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [first, last] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = new Array<string>(GROUPS - (first?.length ?? 0) - (last?.length ?? 0)).fill('0');
  return [...(first ?? []), ...zeros, ...(last ?? [])].map((group) => Number.parseInt(group, 16));
}
