import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';

/** TLS options of a transport; the same for every broker. */
export const tlsSchema = z.strictObject({
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the certificate authority of the server. Without it, those that Node trusts.'),
  certFile: z.string().min(1).optional().describe('PEM file of the client certificate of this application.'),
  keyFile: z.string().min(1).optional().describe('PEM file of the private key of `certFile`.'),
  serverName: z
    .string()
    .min(1)
    .optional()
    .describe("Name that the server's certificate must have. Without it, the host."),
  dangerouslyAllowInvalidCerts: z
    .boolean()
    .default(false)
    .describe('Accepts any certificate. Refused in production.'),
});

type TlsOptions = z.output<typeof tlsSchema>;

/** Options of a URL that asks for TLS where nothing else is configured. */
export const PLAIN_TLS: ConnectionOptions = { minVersion: 'TLSv1.2' };

/**
 * Asks for the name of the host where no other name is configured (SNI): a proxy that serves several names shows
 * a certificate by it. An IP address is no name.
 */
export function namedTls(tls: ConnectionOptions, host: string): ConnectionOptions {
  return tls.servername !== undefined || isIP(host) !== 0 ? tls : { ...tls, servername: host };
}

/** Mistakes between the options, as sentences whose subject is the transport. */
export function problemsOfTls(tls: Partial<TlsOptions> | undefined): string[] {
  if (!tls || (tls.certFile === undefined) === (tls.keyFile === undefined)) return [];
  return ['needs tls.certFile and tls.keyFile together.'];
}

/**
 * Options of Node's TLS, with the files read.
 *
 * @throws MessagingConfigurationError with every file that cannot be read.
 */
export function readTls(label: string, tls: TlsOptions): ConnectionOptions {
  const problems: string[] = [];
  const read = (
    option: string,
    key: 'caFile' | 'certFile' | 'keyFile',
  ): { readonly [option: string]: Buffer } => {
    const file = tls[key];
    if (file === undefined) return {};
    try {
      return { [option]: readFileSync(file) };
    } catch (error) {
      // The value is not repeated, because it may be the key itself instead of its path.
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      problems.push(`${label}: tls.${key} must be the path of a PEM file that can be read (${code}).`);
      return {};
    }
  };
  const options: ConnectionOptions = {
    ...PLAIN_TLS,
    ...read('ca', 'caFile'),
    ...read('cert', 'certFile'),
    ...read('key', 'keyFile'),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.dangerouslyAllowInvalidCerts ? { rejectUnauthorized: false } : {}),
  };
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  return options;
}
