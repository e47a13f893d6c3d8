import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { connect, createServer } from 'node:tls';

import { createTestCertificates, type TestCertificates, type TlsFiles } from './test-certificates.js';

describe('certificates of tests', () => {
  let certificates: TestCertificates;

  beforeAll(async () => {
    certificates = await createTestCertificates();
  });
  afterAll(() => certificates.remove());

  /** The code of the error with which a client refuses the server, if it does. */
  async function refusalOf(files: TlsFiles, name: string): Promise<string | undefined> {
    const server = createServer({
      key: readFileSync(files.keyFile),
      cert: readFileSync(files.certificateFile),
    });
    server
      .on('tlsClientError', () => undefined)
      .on('secureConnection', (socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect(
        { port, host: '127.0.0.1', ca: files.ca, ...(isIP(name) ? {} : { servername: name }) },
        () => {
          socket.destroy();
          resolve(undefined);
        },
      );
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    await new Promise((resolve) => server.close(resolve));
    return code;
  }

  it.each(['localhost', '127.0.0.1'])('are accepted for %s', async (host) => {
    expect(await refusalOf(certificates.server, host)).toBeUndefined();
  });

  it.each([
    ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('are refused when they are wrong: %s', async (name, code) => {
    expect(await refusalOf(certificates[name], 'localhost')).toBe(code);
  });
});
