import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A disk of a test in memory, which can be full. */
export interface SmallDisk {
  readonly path: string;
  /** Takes all space that is left. */
  fill(): void;
  /** Gives back what {@link fill} has taken. */
  free(): void;
  /** Also while somebody has files open there. */
  unmount(): void;
}

/** Mounts a disk of so many MiB at a path that it makes. Throws where that is not possible, which takes the rights of root. */
export function smallDisk(path: string, sizeMib: number): SmallDisk {
  mkdirSync(path, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=700`, 'tmpfs', path);
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => fillRest(filler),
    free: () => rmSync(filler, { force: true }),
    unmount: () => run('umount', '--lazy', path),
  };
}

/** Lets nothing in the directory be changed by its path, until the returned function is called. Takes the rights of root. */
export function readOnly(directory: string): () => void {
  run('mount', '--bind', directory, directory);
  run('mount', '-o', 'remount,bind,ro', directory);
  return () => run('umount', directory);
}

function run(tool: string, ...args: string[]): void {
  execFileSync(tool, args, { stdio: 'pipe' });
}

function fillRest(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (const size of [65_536, 4_096]) for (;;) if (!writes(file, size)) break;
  } finally {
    closeSync(file);
  }
}

function writes(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size, 1)) === size;
  } catch {
    return false;
  }
}
