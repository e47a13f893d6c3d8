import { readFileSync } from 'node:fs';
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
  const read = (key: string, file: string | undefined): { readonly [key: string]: Buffer } => {
    if (file === undefined) return {};
    try {
      return { [key]: readFileSync(file) };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      problems.push(`${label}: ${file} cannot be read (${code}).`);
      return {};
    }
  };
  const options: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    ...read('ca', tls.caFile),
    ...read('cert', tls.certFile),
    ...read('key', tls.keyFile),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.dangerouslyAllowInvalidCerts ? { rejectUnauthorized: false } : {}),
  };
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  return options;
}
