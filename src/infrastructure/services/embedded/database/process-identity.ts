import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names one process among all that ever ran here. A pid alone is used again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start of the process in ticks since boot; empty where the system does not report it. */
  readonly startedAt: string;
  /** Changes with every boot; the host name where the system has no such id. */
  readonly bootId: string;
  /** The set of processes in which `pid` means something. Containers have their own. */
  readonly pidNamespace: string;
}

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    startedAt: startOf(process.pid),
    bootId: quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), hostname()),
    pidNamespace: quietly(() => readlinkSync('/proc/self/ns/pid'), hostname()),
  };
}

/**
 * Whether the process still runs; `undefined` when it cannot be known from here, because it runs (or ran) on another
 * machine, before the last boot or in another container.
 */
export function isRunning(holder: ProcessIdentity, self: ProcessIdentity): boolean | undefined {
  if (holder.bootId !== self.bootId || holder.pidNamespace !== self.pidNamespace) return undefined;
  if (!processExists(holder.pid)) return false;
  // The pid is in use. It is the holder only if it started when the holder did.
  return holder.startedAt === '' || startOf(holder.pid) === holder.startedAt;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function startOf(pid: number): string {
  return quietly(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in brackets and may hold spaces; the start time is the 20th after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  }, '');
}

function quietly(read: () => string, otherwise: string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
