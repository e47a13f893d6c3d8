import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Files in PEM format that a server and its clients need for TLS. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** The text of `caFile`, for clients. */
  readonly ca: string;
}

/** Certificates of a test, all but `selfSigned` from the same authority. */
export interface TestCertificates {
  readonly directory: string;
  readonly caFile: string;
  /** The text of `caFile`. */
  readonly ca: string;
  /** For localhost and 127.0.0.1. */
  readonly server: TlsFiles;
  /** For a host of another name. */
  readonly wrongHost: TlsFiles;
  /** For localhost and 127.0.0.1, valid until 2020. */
  readonly expired: TlsFiles;
  /** For localhost and 127.0.0.1, by nobody who is trusted. `ca` is still the one of the authority. */
  readonly selfSigned: TlsFiles;
  /** For a client that has to show one. */
  readonly client: TlsFiles;
  remove(): void;
}

const TIMEOUT_MS = 30_000;
const HERE = 'DNS:localhost,IP:127.0.0.1';
const DAYS = '2';
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** `openssl ca` is the only command that sets dates of the past in every version of it. */
const CONFIG = `
[req]
distinguished_name = name
[name]
[ca]
default_ca = authority
[authority]
dir = .
new_certs_dir = .
database = index.txt
rand_serial = yes
default_md = sha256
policy = any
certificate = ca.crt
private_key = ca.key
unique_subject = no
[any]
commonName = supplied
`;

/** Makes them with openssl in a directory of their own. Rejects when openssl is not installed. */
export async function createTestCertificates(): Promise<TestCertificates> {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-certificates-'));
  const maker = new CertificateMaker(directory);
  try {
    await maker.createAuthority();
    const ca = readFileSync(join(directory, 'ca.crt'), 'utf8');
    return {
      directory,
      caFile: join(directory, 'ca.crt'),
      ca,
      server: await maker.create('server', HERE),
      wrongHost: await maker.create('wrong-host', 'DNS:elsewhere.example'),
      expired: await maker.create('expired', HERE, [
        '-startdate',
        '20190101000000Z',
        '-enddate',
        '20200101000000Z',
      ]),
      selfSigned: await maker.createSelfSigned('self-signed', HERE),
      client: await maker.create('client', 'DNS:client.example'),
      remove: () => rmSync(directory, { recursive: true, force: true }),
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

class CertificateMaker {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    writeFileSync(join(directory, 'openssl.cnf'), CONFIG);
    writeFileSync(join(directory, 'index.txt'), '');
  }

  async createAuthority(): Promise<void> {
    const use = [
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
    ];
    await this.#openssl(
      'req',
      '-x509',
      ...KEY,
      ...use,
      ...this.#names('ca'),
      '-days',
      DAYS,
      '-out',
      'ca.crt',
    );
  }

  async create(name: string, hosts: string, dates: readonly string[] = ['-days', DAYS]): Promise<TlsFiles> {
    await this.#openssl('req', '-new', ...KEY, ...this.#names(name), '-out', `${name}.csr`);
    const extensions = `${name}.ext`;
    writeFileSync(join(this.#directory, extensions), `subjectAltName=${hosts}\nbasicConstraints=CA:FALSE\n`);
    const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', extensions];
    await this.#openssl('ca', '-batch', '-notext', '-config', 'openssl.cnf', ...dates, ...files);
    return this.#files(name);
  }

  async createSelfSigned(name: string, hosts: string): Promise<TlsFiles> {
    const use = ['-addext', `subjectAltName=${hosts}`];
    await this.#openssl(
      'req',
      '-x509',
      ...KEY,
      ...use,
      ...this.#names(name),
      '-days',
      DAYS,
      '-out',
      `${name}.crt`,
    );
    return this.#files(name);
  }

  #names(name: string): readonly string[] {
    return ['-config', 'openssl.cnf', '-subj', `/CN=Switchyard test ${name}`, '-keyout', `${name}.key`];
  }

  #files(name: string): TlsFiles {
    const caFile = join(this.#directory, 'ca.crt');
    return {
      caFile,
      ca: readFileSync(caFile, 'utf8'),
      certificateFile: join(this.#directory, `${name}.crt`),
      keyFile: join(this.#directory, `${name}.key`),
    };
  }

  async #openssl(...args: readonly string[]): Promise<void> {
    try {
      await promisify(execFile)('openssl', args, { cwd: this.#directory, timeout: TIMEOUT_MS });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new Error('The program openssl is missing. Install it to run the tests with TLS.', {
          cause: error,
        });
      throw error;
    }
  }
}
