/**
 * Sees to it that the servers which tests start are on the machine, and says what it installs before it does.
 *
 *   npm run brokers                   all of them; ends with 1 when one cannot be had
 *   npm run brokers -- redis kafka    these
 *
 * With NO_INSTALL=1 nothing is installed, and what is not there counts as missing.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import { mayInstall, ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { installPackages, whyNoPackages } from './debian-packages.mjs';
import { KAFKA_FOLDERS } from './kafka-artifacts.mjs';
import { withLock } from './lock.mjs';
import { fetchedFolder } from './maven.mjs';
import { OLD_REDIS_FOLDER } from './old-redis-artifacts.mjs';

/** Any Java from 17 on does; the first is the one of the measurements. */
const MAVEN = [['openjdk-17-jre-headless', 'default-jre-headless'], 'maven'];

/** `lack` is undefined or says what is missing; `script` fetches into `folders` what no package holds. */
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
  },
  rabbitmq: {
    packages: ['rabbitmq-server', 'openssl'],
    lack: () => lackOfRabbitMq() ?? lackOf('openssl', ['version']),
  },
  kafka: {
    packages: [...MAVEN, 'openssl'],
    lack: () => lackOfMaven() ?? lackOf('openssl', ['version']),
    script: 'kafka-artifacts.mjs',
    folders: KAFKA_FOLDERS,
  },
};

/**
 * Resolves with a state for each name: `here`, `container` (Docker can run what needs it), or `missing` with a `reason`.
 * Installs Debian packages and fetches artifacts where it can and may, and says which before it begins.
 *
 * @param containers whether Docker may be used @default true
 */
export async function provideBrokers(names, { containers = true } = {}) {
  const plans = [...new Set(names)].map(plan);
  const installs = plans.filter(({ state, obstacle }) => state === undefined && obstacle === undefined);
  for (const { name, wants } of installs)
    console.error(`${name} is not here and will be installed (once): ${wants}`);
  const states = {};
  for (const each of plans) states[each.name] = await provide(each, containers);
  return states;
}

/** What is to be done for one, without doing anything. */
function plan(name) {
  const { packages, lack, folders = [] } = PROVISIONS[name];
  const lacking = lack();
  const unfetched = folders.filter((folder) => !fs.existsSync(fetchedFolder(folder)));
  if (lacking === undefined && unfetched.length === 0) return { name, state: 'here' };
  const wants = [
    ...(lacking === undefined ? [] : [`the packages ${packages.map((each) => [each].flat()[0]).join(', ')}`]),
    ...unfetched.map((folder) => `${folder} from Maven, into ${fetchedFolder(folder)}`),
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
  // Somebody else may have done it while this process waited for the lock.
  if (lack() !== undefined) await installPackages(packages);
  if (lack() === undefined && script !== undefined) await fetchArtifacts(script);
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
