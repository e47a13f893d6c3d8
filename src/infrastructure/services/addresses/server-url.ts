import { readHost, readPort } from './host-and-port.js';

/** What the URL of a server says, decoded. What it does not name is missing. */
export interface ServerUrl {
  /** In lower case. */
  readonly scheme: string;
  readonly username?: string;
  readonly password?: string;
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port?: number;
  /** What follows the first slash. */
  readonly path?: string;
}

/** `problem` is the rest of a sentence about the key. It repeats nothing of the URL, of which any part may be a password. */
export type ReadUrl = { readonly url: ServerUrl } | { readonly problem: string };

/** Ends every problem, because a password that is not encoded is the most likely cause of each. */
export const ENCODE = 'In a user or password, percent-encode / ? # @ : and % as %2F %3F %23 %40 %3A and %25';

/** Because the built-in class accepts what clients then ignore, and reads a password with "/" as another host. */
const PARTS = /^(?:([^@/?#]*)@)?(\[[^\]@/?#]*\]|[^:@/?#[\]]*)(?::([^@/?#]*))?(?:\/([^@?#]*))?$/;

/** Reads `scheme://user:password@host:port/path`, of which only scheme and host are required. */
export function readServerUrl(text: string, schemes: readonly string[]): ReadUrl {
  const [, scheme = '', rest = ''] = /^([A-Za-z]+):\/\/(.*)$/s.exec(text) ?? [];
  if (!schemes.includes(scheme.toLowerCase())) {
    const allowed = schemes.map((one) => `${one}://`).join(' or ');
    return { problem: `must be a URL that starts with ${allowed} (value not shown)` };
  }
  const problem = problemOf(rest);
  if (problem !== undefined) return { problem: `${problem} (URL not shown). ${ENCODE}` };
  const [, login, host = '', port, path = ''] = PARTS.exec(rest) ?? [];
  return {
    url: {
      scheme: scheme.toLowerCase(),
      ...loginOf(login ?? ''),
      host: hostOf(host) ?? '',
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(path === '' ? {} : { path: decoded(path) ?? '' }),
    },
  };
}

/** The first thing that is wrong behind the scheme. */
function problemOf(rest: string): string | undefined {
  const parts = PARTS.exec(rest);
  if (/[\s\p{C}]/u.test(rest)) return 'has a space or a control character';
  if (rest.includes('#')) return 'has a "#", which means nothing there';
  if (rest.replace(/^[^/?]*/, '').includes('@') || rest.split('@').length > 2)
    return 'has an "@" behind its host';
  if (rest.includes('?')) return 'has options behind a "?", which are not read: they are keys beside the URL';
  if (!parts) return 'has a host that cannot be read';
  const [, login = '', host = '', port, path = ''] = parts;
  if (host === '') return 'names no host';
  if (hostOf(host) === undefined) return 'has a host that cannot be read';
  if (port !== undefined && readPort(port) === undefined)
    return 'has a port that is no number from 1 to 65535';
  return decoded(login) === undefined || decoded(path) === undefined
    ? 'has a "%" that does not begin an encoded character'
    : undefined;
}

/** The "%" before the zone of an IPv6 address is encoded in a URL. */
function hostOf(text: string): string | undefined {
  return readHost(text.replace('%25', '%'));
}

function loginOf(text: string): Pick<ServerUrl, 'username' | 'password'> {
  const at = text.indexOf(':');
  const [username, password] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  return {
    ...(username === '' ? {} : { username: decoded(username) ?? '' }),
    ...(password === '' ? {} : { password: decoded(password) ?? '' }),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a stray "%", or bytes that are no text
  }
}
