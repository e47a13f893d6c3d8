import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

import { capture } from './capture.mjs';

/** Packages run this before they start a service; 101 forbids it. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY = '#!/bin/sh\nexit 101\n';
const TIMEOUT_MS = 15 * 60_000;
const OUTPUT_LINES = 15;

/** Undefined when packages can be installed here, else the reason. */
export function whyNoPackages() {
  if (spawnSync('apt-get', ['--version']).status !== 0) return 'this is not a Debian system';
  if (process.getuid() !== 0) return 'only root can install packages';
  return undefined;
}

/**
 * Installs packages without starting their services: tests run servers of their own. Of a list of names, the first
 * available package is installed. Throws with the end of apt's output when it fails.
 */
export async function installPackages(packages) {
  const ownsPolicy = !fs.existsSync(POLICY_FILE);
  const removePolicy = () => ownsPolicy && fs.rmSync(POLICY_FILE, { force: true });
  process.once('exit', removePolicy);
  if (ownsPolicy) fs.writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  try {
    // The known packages may suffice although a package source is unreachable.
    const update = await apt(['update', '--quiet']);
    const names = packages.map((name) => (Array.isArray(name) ? (name.find(isKnown) ?? name[0]) : name));
    const install = await apt(['install', '--yes', '--quiet', '--no-install-recommends', ...names]);
    if (install.status !== 0)
      throw new Error(`apt-get could not install them:\n${endOf(update)}\n${endOf(install)}`);
  } finally {
    removePolicy();
    process.off('exit', removePolicy);
  }
}

function isKnown(name) {
  return spawnSync('apt-cache', ['show', name]).status === 0;
}

function apt(args) {
  return capture('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    timeout: TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function endOf({ status, output }) {
  return status === 0 ? '' : output.trim().split('\n').slice(-OUTPUT_LINES).join('\n');
}
