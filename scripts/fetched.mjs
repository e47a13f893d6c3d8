import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Folder of the artifacts of this name. */
export function fetchedFolder(name) {
  return path.join(os.homedir(), '.cache', 'switchyard', name);
}

/** Moves a folder to its place. Atomic, also when another process does the same. */
export function moveInto(from, to) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const beside = `${to}.${process.pid}`;
  fs.cpSync(from, beside, { recursive: true, verbatimSymlinks: true });
  try {
    fs.renameSync(beside, to);
  } catch (error) {
    fs.rmSync(beside, { recursive: true, force: true });
    if (!fs.existsSync(to)) throw error;
  }
}
