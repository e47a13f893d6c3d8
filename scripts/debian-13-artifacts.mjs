/**
 * Downloads, once, servers that are newer than those of Debian 12: the packages of Debian 13, unpacked into a folder
 * and run with their own C library, so that nothing of the system changes.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import { refuseChanged } from './checksums.mjs';
import { fetchedFolder, moveInto } from './fetched.mjs';

/** Where they are stored, as `fetchedFolder` has it. */
export const DEBIAN_13_FOLDER = 'debian-13';

const CODENAME = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Name, version and SHA-256 of each package. A point release of Debian removes versions; take over the new ones then,
 * after a run of the groups that use them.
 */
// prettier-ignore
const PACKAGES = [
  ['erlang-asn1', '1:27.3.4.1+dfsg-1+deb13u4', '9e5db5c3b3c06e147c429774da810c18394e175b9b52b11ee9883a6e0cecc14b'],
  ['erlang-base', '1:27.3.4.1+dfsg-1+deb13u4', '4e7549befce957e9f52de97f32263eb74c12e7a782f3eb4c0f9099c416b6f355'],
  ['erlang-crypto', '1:27.3.4.1+dfsg-1+deb13u4', '73f0da9331a72320f89be3f16925e071c98272504212f6482f00ae698f47d585'],
  ['erlang-eldap', '1:27.3.4.1+dfsg-1+deb13u4', '8f8d79e9247fdca2114823a7d7755d4d638f01e60e78f35b71fba44706467092'],
  ['erlang-inets', '1:27.3.4.1+dfsg-1+deb13u4', '3ca8773d140a0a96f64acf7c3dc1efe2682018d414f4dd1211c13ffa13a1e9bb'],
  ['erlang-mnesia', '1:27.3.4.1+dfsg-1+deb13u4', '2e8b9b899572604e6c442ef7f10bdd6b0d1f9a57d004fe94e73b9783c558b310'],
  ['erlang-os-mon', '1:27.3.4.1+dfsg-1+deb13u4', 'bcce9405a2740a51b51e656a20879d63d125bf263c466479c2a89c27a8571996'],
  ['erlang-parsetools', '1:27.3.4.1+dfsg-1+deb13u4', '7748a4591e27d9c3ebdcc1c150e4ff21bcd7b7b31a9d49e57b48dea8caa18f16'],
  ['erlang-public-key', '1:27.3.4.1+dfsg-1+deb13u4', '8ff4c8d6f391e93318701cc5d952cbebf5bedc1bcbd5e2608231784f7a067e45'],
  ['erlang-runtime-tools', '1:27.3.4.1+dfsg-1+deb13u4', 'd2e9a9d1afab50e132b6eba0f6ae806cfedf8d220759747ccdb9df303e69cb23'],
  ['erlang-ssl', '1:27.3.4.1+dfsg-1+deb13u4', '46e2157451987d62eea85dfca2190ea7054bef7861123c34b921aac06ca19fbb'],
  ['erlang-syntax-tools', '1:27.3.4.1+dfsg-1+deb13u4', '9911e92239bf1b0ff77e1b39a07f2e57ee7cd716fc5d9024c196d6c7c72ed339'],
  ['erlang-tools', '1:27.3.4.1+dfsg-1+deb13u4', '115645a446bd6e7531d0e6e156a96bb8860c1a8bfa5d79a488327321b71d6c14'],
  ['erlang-xmerl', '1:27.3.4.1+dfsg-1+deb13u4', 'cac70cd8eda4c46ef4440709399c7a6ffab843026867fad0299a75ce2239613d'],
  ['libatomic1', '14.2.0-19', '212b399aae2f7299203d261a57e49372e09565a9a5ea971905f94a3960366c05'],
  ['libc6', '2.41-12+deb13u5', 'b59b0625cd1a791375d40dab23a4d5d3d0641e3d0a773501becdc3725b7f99cf'],
  ['libcap2', '1:2.75-10+deb13u1+b3', '89fc4d34fc7a28ad6f0fcd0c561ab253b9dedf6f77f5a000b47c276c8295bf67'],
  ['libgcc-s1', '14.2.0-19', '3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150'],
  ['libjemalloc2', '5.3.0-3', 'e7d64919e620e8ea46960104efe1e9c977d751e5b610a5d89b0b51aeae9530d7'],
  ['liblzf1', '3.6-4+b3', '1f7677f1098f9f643806d64a2ed54d14bcd5954e71b63c2aa1e9bb7bcd84d783'],
  ['libssl3t64', '3.5.9-1~deb13u1', 'ffefb9af363e0e4592251b2533eb06453c8e470f7772e40263c4b2129251a6d5'],
  ['libstdc++6', '14.2.0-19', 'ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0'],
  ['libsystemd0', '257.13-1~deb13u1', 'ab0d4127b5e46e6f8c015a1db15a62ba9ae274cdefa150083adf90ada0600ea1'],
  ['libtinfo6', '6.5+20250216-2', '8b9f6a7983e9418564e48a627518de4c03917b56efe68d7f3e93bd8fffa1cc10'],
  ['libzstd1', '1.5.7+dfsg-1', '2f6a2aeacfc925eba8b00ac9139bc4bfccf8cacb09eb93de067074b26948eef9'],
  ['rabbitmq-server', '4.0.5-6+deb13u2', '2d77b12be64d480db03489825b96d241dbd38db59673adccf5b5feefacdf8e41'],
  ['valkey-server', '8.1.1+dfsg1-3+deb13u3', '41ea4e273d45d54a7d6c20361efdb95bbc57590bc4ef8c1ef13220d589fc2c3a'],
  ['valkey-tools', '8.1.1+dfsg1-3+deb13u3', '0c800fe97e57ec7e8e71a147a0d1119955ffd6d083e73618ce946a44d3b827dd'],
  ['zlib1g', '1:1.3.dfsg+really1.3.1-1+deb13u1', '8c27c342230503b73dfde629642c3b352e87b554e06d60cf58772f236a305ceb'],
];

/** Undefined when packages of another release can be downloaded here, else the reason. */
export function whyNoDebian13() {
  const { platform, arch } = process;
  if (platform !== 'linux' || arch !== 'x64') return `there are none for ${platform} on ${arch}`;
  if (spawnSync('apt-get', ['--version']).status !== 0) return 'the program apt-get is missing';
  return fs.existsSync(KEYRING) ? undefined : `the keys of Debian (${KEYRING}) are missing`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = fetchedFolder(DEBIAN_13_FOLDER);
  if (!fs.existsSync(target)) {
    const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-debian-'));
    try {
      const folder = path.join(work, 'unpacked');
      for (const file of download(work)) run('dpkg-deb', ['-x', file, folder]);
      useOwnLibraries(folder, target);
      moveInto(folder, target);
    } finally {
      fs.rmSync(work, { recursive: true, force: true });
    }
  }
}

/** Paths of the packages, whose content is checked. */
function download(work) {
  const apt = aptOf(work);
  run('apt-get', [...apt, 'update']);
  const folder = path.join(work, 'packages');
  fs.mkdirSync(folder);
  run('apt-get', [...apt, 'download', ...PACKAGES.map(([name, version]) => `${name}=${version}`)], folder);
  const files = fs.readdirSync(folder).map((name) => path.join(folder, name));
  for (const [name, , sha256] of PACKAGES) {
    const file = files.find((each) => path.basename(each).startsWith(`${name}_`));
    refuseChanged(file, sha256);
  }
  return files;
}

/** Options for an apt that knows only the other release, from the mirror of this system, and changes nothing in it. */
function aptOf(work) {
  const format = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Component: main'];
  const [mirror] = run('apt-get', ['indextargets', ...format]).split('\n');
  for (const folder of ['lists/partial', 'archives/partial', 'sources'])
    fs.mkdirSync(path.join(work, folder), { recursive: true });
  fs.writeFileSync(path.join(work, 'status'), '');
  fs.writeFileSync(
    path.join(work, 'sources', 'other.list'),
    `deb [signed-by=${KEYRING}] ${mirror} ${CODENAME} main\n`,
  );
  return Object.entries({
    'Dir::Etc::SourceList': '/dev/null',
    'Dir::Etc::SourceParts': path.join(work, 'sources'),
    'Dir::State::Lists': path.join(work, 'lists'),
    'Dir::State::status': path.join(work, 'status'),
    'Dir::Cache': path.join(work, 'archives'),
    'APT::Sandbox::User': os.userInfo().username,
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Replaces each program by a script that starts it with the C library beside it, and Erlang's home by `target`. */
function useOwnLibraries(folder, target) {
  const libraries = path.join(target, 'usr', 'lib', 'x86_64-linux-gnu');
  const loader = path.join(libraries, 'ld-linux-x86-64.so.2');
  for (const file of programsIn(folder)) {
    fs.renameSync(file, `${file}.program`);
    const program = path.join(target, path.relative(folder, `${file}.program`));
    fs.writeFileSync(
      file,
      `#!/bin/sh\nexec ${loader} --argv0 "$0" --library-path ${libraries} ${program} "$@"\n`,
      { mode: 0o755 },
    );
  }
  const erl = path.join(folder, 'usr', 'lib', 'erlang', 'bin', 'erl');
  const home = path.join(target, 'usr', 'lib', 'erlang');
  fs.writeFileSync(
    erl,
    fs.readFileSync(erl, 'utf8').replaceAll('ROOTDIR=/usr/lib/erlang', `ROOTDIR=${home}`),
  );
}

/** Programs of the servers, without links to them and without libraries. */
function programsIn(folder) {
  return fs
    .readdirSync(path.join(folder, 'usr'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /^bin\/valkey-|^lib\/erlang\/.*\bbin\//.test(name))
    .map((name) => path.join(folder, 'usr', name))
    .filter((file) => fs.lstatSync(file).isFile() && isElf(file));
}

function isElf(file) {
  return fs.readFileSync(file).subarray(1, 4).toString() === 'ELF';
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} failed:\n${stdout}${stderr}`);
  return stdout;
}
