/** What `npm pack` publishes. */
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';

/** The paths of the files that the package of a folder has, with `/` between their parts. */
export function packedFiles(folder) {
  return new Set(pack(folder, ['--dry-run']).files.map((file) => file.path));
}

/** Packs the project in a folder. @returns path of the archive, and its size in bytes */
export function packInto(folder, destination) {
  const { filename, size } = pack(folder, ['--pack-destination', destination]);
  return { file: path.join(destination, filename), bytes: size };
}

function pack(folder, args) {
  const npm = process.env.npm_execpath;
  const [command, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const output = execFileSync(command, [...first, 'pack', '--json', '--loglevel=error', ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1_048_576,
  });
  const packed = JSON.parse(output);
  const [only] = Array.isArray(packed) ? packed : Object.values(packed);
  return only;
}
