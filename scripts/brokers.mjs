/**
 * Provides the servers that tests start, and announces what it installs.
 *
 *   npm run brokers                   all servers; ends with 1 when one is not available
 *   npm run brokers -- redis kafka    these servers
 *
 * NO_INSTALL=1 forbids to install anything; servers that are not installed then count as missing.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import { mayInstall, ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { DEBIAN_13_FOLDER, whyNoDebian13 } from './debian-13-artifacts.mjs';
import { installPackages, whyNoPackages } from './debian-packages.mjs';
import { KAFKA_FOLDERS } from './kafka-artifacts.mjs';
import { withLock } from './lock.mjs';
import { fetchedFolder } from './fetched.mjs';
import { OLD_REDIS_FOLDER } from './old-redis-artifacts.mjs';

/** Any Java from 17 works; the first is the version of the measurements. */
const MAVEN = [['openjdk-17-jre-headless', 'default-jre-headless'], 'maven'];

/** `lack` is undefined, or names what is missing; `script` downloads into `folders` from `source` what Debian 12 does not package. */
const PROVISIONS = {
  openssl: { packages: ['openssl'], lack: () => lackOf('openssl', ['version']) },
  redis: {
    packages: ['redis-server', 'openssl'],
    lack: () => lackOfRedis() ?? lackOf('redis-cli', ['--version']) ?? lackOf('openssl', ['version']),
  },
  'old-redis': {
    packages: [...MAVEN, 'openssl'], // the servers use its library
    lack: () => lackOfLinux() ?? lackOfMaven() ?? lackOf('openssl', ['version']),
    script: 'old-redis-artifacts.mjs',
    folders: [OLD_REDIS_FOLDER],
    source: 'Maven',
  },
  rabbitmq: {
    packages: ['rabbitmq-server', 'openssl'],
    lack: () => lackOfRabbitMq() ?? lackOf('openssl', ['version']),
  },
  'debian-13': {
    packages: ['openssl'],
    lack: () => whyNoDebian13() ?? lackOf('openssl', ['version']),
    script: 'debian-13-artifacts.mjs',
    folders: [DEBIAN_13_FOLDER],
    source: 'the packages of Debian 13',
  },
  kafka: {
    packages: [...MAVEN, 'openssl'],
    lack: () => lackOfMaven() ?? lackOf('openssl', ['version']),
    script: 'kafka-artifacts.mjs',
    folders: KAFKA_FOLDERS,
    source: 'Maven',
  },
};

/**
 * Resolves with a state for each name: `here`, `container` (Docker can run what needs it), or `missing` with a
 * `reason`. Installs Debian packages and downloads artifacts where this is possible and permitted, and announces
 * them first.
 *
 * @param containers whether Docker may be used @default true
 */
export async function provideBrokers(names, { containers = true } = {}) {
  const plans = [...new Set(names)].map(plan);
  const installs = plans.filter(({ state, obstacle }) => state === undefined && obstacle === undefined);
  for (const { name, wants } of installs)
    console.error(`${name} is not installed and will be installed (once): ${wants}`);
  const states = {};
  for (const each of plans) states[each.name] = await provide(each, containers);
  return states;
}

/** Plans the installation of one server, without side effects. */
function plan(name) {
  const { packages, lack, folders = [], source } = PROVISIONS[name];
  const lacking = lack();
  const unfetched = folders.filter((folder) => !fs.existsSync(fetchedFolder(folder)));
  if (lacking === undefined && unfetched.length === 0) return { name, state: 'here' };
  const wants = [
    ...(lacking === undefined ? [] : [`the packages ${packages.map((each) => [each].flat()[0]).join(', ')}`]),
    ...unfetched.map((folder) => `${folder} from ${source}, into ${fetchedFolder(folder)}`),
  ].join(', and ');
  const obstacle = !mayInstall() ? 'NO_INSTALL=1 forbids to install it' : lacking && whyNoPackages();
  return { name, wants, obstacle, lack: lacking ?? `${unfetched.join(', ')} is not fetched` };
}

async function provide({ name, state, lack, obstacle }, containers) {
  if (state === 'here') return { state };
  if (obstacle !== undefined) {
    if (containers && mayInstall() && hasDocker()) return { state: 'container' };
    return missing(name, `${lack}, and ${obstacle}. Install it${mayInstall() ? ', or start Docker' : ''}.`);
  }
  try {
    await withLock(path.join(ROOT, '.bootstrap.lock'), () => install(PROVISIONS[name]));
    const left = PROVISIONS[name].lack();
    return left === undefined ? { state: 'here' } : missing(name, left);
  } catch (error) {
    return missing(name, error.message);
  }
}

async function install({ packages, lack, script }) {
  // Another process may have done it while this one waited for the lock.
  if (lack() !== undefined) await installPackages(packages);
  if (lack() === undefined && script !== undefined) await fetchArtifacts(script);
}

function missing(name, reason) {
  return { state: 'missing', reason: `no ${name}: ${reason}` };
}

function lackOf(program, args) {
  return spawnSync(program, args).status === 0 ? undefined : `the program ${program} is missing`;
}

/** 6.2 or newer, because earlier versions lack XAUTOCLAIM and XTRIM MINID. */
function lackOfRedis() {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (status !== 0) return 'the program redis-server is missing';
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(stdout) ?? [];
  const isOld = Number(major) < 6 || (Number(major) === 6 && Number(minor) < 2);
  return isOld ? `redis-server is ${major}.${minor}, and 6.2 is the oldest supported version` : undefined;
}

/** Does not query its version, because that starts a virtual machine and, as root, a service. */
function lackOfRabbitMq() {
  const folders = ['/usr/lib/rabbitmq/bin', ...(process.env.PATH ?? '').split(path.delimiter)];
  const isThere = folders.some((folder) => fs.existsSync(path.join(folder, 'rabbitmq-server')));
  return isThere ? undefined : 'the program rabbitmq-server is missing';
}

function lackOfMaven() {
  return lackOf('java', ['-version']) ?? lackOf('mvn', ['-version']);
}

function lackOfLinux() {
  const { platform, arch } = process;
  return platform === 'linux' && arch === 'x64' ? undefined : `there are none for ${platform} on ${arch}`;
}

async function fetchArtifacts(script) {
  const { status, output } = await capture(process.execPath, [path.join(ROOT, 'scripts', script)], {
    cwd: ROOT,
  });
  if (status !== 0) throw new Error(`its artifacts could not be downloaded:\n${output.trim().slice(-2_000)}`);
}

function hasDocker() {
  const options = { timeout: 10_000 };
  return (
    spawnSync('docker', ['info'], options).status === 0 &&
    spawnSync('docker', ['compose', 'version'], options).status === 0
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  const names = wanted.length === 0 ? Object.keys(PROVISIONS) : wanted;
  const unknown = names.filter((name) => !Object.hasOwn(PROVISIONS, name));
  if (unknown.length > 0) {
    console.error(
      `There is no ${unknown.join(', ')}. Usage: npm run brokers [-- ${Object.keys(PROVISIONS).join(' ')}]`,
    );
    process.exit(2);
  }
  const states = await provideBrokers(names, { containers: false });
  for (const [name, { state, reason }] of Object.entries(states))
    console.error(reason ?? `${name}: ${state}`);
  process.exitCode = Object.values(states).every(({ state }) => state === 'here') ? 0 : 1;
}
