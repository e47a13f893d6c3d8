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
  const problem = CHECKS.find(([isWrong]) => isWrong(rest))?.[1];
  if (problem !== undefined) return { problem: `${problem} (URL not shown). ${ENCODE}` };
  return { url: { scheme: scheme.toLowerCase(), ...valuesOf(partsOf(rest)) } };
}

/** What can be wrong behind the scheme, in the order in which it is looked for. */
const CHECKS: readonly (readonly [(rest: string) => boolean, string])[] = [
  [(rest) => /[\s\p{C}]/u.test(rest), 'has a space or a control character'],
  [(rest) => rest.includes('#'), 'has a "#", which means nothing there'],
  [(rest) => /^[^/?]*[/?].*@|@.*@/s.test(rest), 'has an "@" behind its host'],
  [
    (rest) => rest.includes('?'),
    'has options behind a "?", which are not read: they are keys beside the URL',
  ],
  [(rest) => PARTS.test(rest) && partsOf(rest).host === '', 'names no host'],
  [(rest) => hostOf(partsOf(rest).host) === undefined, 'has a host that cannot be read'],
  [
    (rest) => {
      const { port } = partsOf(rest);
      return port !== undefined && readPort(port) === undefined;
    },
    'has a port that is no number from 1 to 65535',
  ],
  [
    (rest) => [partsOf(rest).login, partsOf(rest).path].some((part) => decoded(part) === undefined),
    'has a "%" that does not begin an encoded character',
  ],
];

interface Parts {
  readonly login: string;
  readonly host: string;
  readonly port: string | undefined;
  readonly path: string;
}

/** As they are written; all empty where the text has not these parts. */
function partsOf(rest: string): Parts {
  const [, login = '', host = '', port, path = ''] = PARTS.exec(rest) ?? [];
  return { login, host, port, path };
}

function valuesOf({ login, host, port, path }: Parts): Omit<ServerUrl, 'scheme'> {
  return {
    ...loginOf(login),
    host: hostOf(host) ?? '',
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(path === '' ? {} : { path: decoded(path) ?? '' }),
  };
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
