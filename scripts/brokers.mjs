/**
 * Sees to it that the servers which tests start are on the machine.
 *
 *   node scripts/brokers.mjs redis kafka     ends with 1 when one of them cannot be had
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import { ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { installPackages, whyNoPackages } from './debian-packages.mjs';
import { withLock } from './lock.mjs';

/** Any Java from 17 on does; the first is the one of the measurements. */
const MAVEN = [['openjdk-17-jre-headless', 'default-jre-headless'], 'maven'];

/** `lack` is undefined or says what is missing; `fetch` gets what no package holds. */
const PROVISIONS = {
  openssl: { packages: ['openssl'], lack: () => lackOf('openssl', ['version']) },
  redis: {
    packages: ['redis-server', 'openssl'],
    lack: () => lackOfRedis() ?? lackOf('redis-cli', ['--version']) ?? lackOf('openssl', ['version']),
  },
  'old redis': {
    packages: [...MAVEN, 'openssl'], // the servers use its library
    lack: () => lackOfLinux() ?? lackOfMaven() ?? lackOf('openssl', ['version']),
    fetch: () => fetchArtifacts('old-redis-artifacts.mjs'),
  },
  rabbitmq: {
    packages: ['rabbitmq-server', 'openssl'],
    lack: () => lackOfRabbitMq() ?? lackOf('openssl', ['version']),
  },
  kafka: {
    packages: [...MAVEN, 'openssl'],
    lack: () => lackOfMaven() ?? lackOf('openssl', ['version']),
    fetch: () => fetchArtifacts('kafka-artifacts.mjs'),
  },
};

/**
 * Resolves with a state for each name: `here`, `container` (Docker can run what needs it), or `missing` with a `reason`.
 * Installs Debian packages where it can, and says so.
 *
 * @param containers whether Docker may be used @default true
 */
export async function provideBrokers(names, { containers = true } = {}) {
  const states = {};
  for (const name of new Set(names)) states[name] = await provide(name, containers);
  return states;
}

async function provide(name, containers) {
  const provision = PROVISIONS[name];
  const lack = provision.lack();
  const obstacle = lack === undefined ? undefined : whyNoPackages();
  if (obstacle !== undefined) {
    if (containers && hasDocker()) return { state: 'container' };
    return missing(name, `${lack}, and ${obstacle}. Install it, or start Docker.`);
  }
  try {
    if (lack !== undefined)
      await withLock(path.join(ROOT, '.bootstrap.lock'), () => install(name, provision));
    const left = provision.lack();
    if (left !== undefined) return missing(name, left);
    await provision.fetch?.();
    return { state: 'here' };
  } catch (error) {
    return missing(name, error.message);
  }
}

async function install(name, { packages, lack }) {
  if (lack() === undefined) return; // somebody else did it while this process waited for the lock
  console.error(
    `For ${name}, installing the packages ${packages.map((each) => [each].flat()[0]).join(', ')} (once) ...`,
  );
  await installPackages(packages);
}

function missing(name, reason) {
  return { state: 'missing', reason: `no ${name}: ${reason}` };
}

function lackOf(program, args) {
  return spawnSync(program, args).status === 0 ? undefined : `the program ${program} is missing`;
}

/** Of 6.2, because streams cannot be claimed and trimmed well before. */
function lackOfRedis() {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (status !== 0) return 'the program redis-server is missing';
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(stdout) ?? [];
  const isOld = Number(major) < 6 || (Number(major) === 6 && Number(minor) < 2);
  return isOld ? `redis-server is ${major}.${minor}, and 6.2 is the oldest that is supported` : undefined;
}

/** Not asked for its version, which would start a virtual machine and, as root, a service. */
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
  if (status !== 0) throw new Error(`its artifacts could not be fetched:\n${output.trim().slice(-2_000)}`);
}

function hasDocker() {
  const options = { timeout: 10_000 };
  return (
    spawnSync('docker', ['info'], options).status === 0 &&
    spawnSync('docker', ['compose', 'version'], options).status === 0
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !Object.hasOwn(PROVISIONS, name));
  if (names.length === 0 || unknown.length > 0) {
    console.error(`Usage: node scripts/brokers.mjs ${Object.keys(PROVISIONS).join('|')} ...`);
    process.exit(1);
  }
  const states = await provideBrokers(names, { containers: false });
  for (const [name, { state, reason }] of Object.entries(states))
    console.error(reason ?? `${name}: ${state}`);
  process.exitCode = Object.values(states).every(({ state }) => state === 'here') ? 0 : 1;
}
