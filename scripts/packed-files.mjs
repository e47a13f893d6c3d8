/** What `npm pack` would publish. */
import { execFileSync } from 'node:child_process';

/** The paths of the files that the package of a folder has, with `/` between their parts. */
export function packedFiles(folder) {
  const npm = process.env.npm_execpath;
  const [command, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const packed = JSON.parse(
    execFileSync(command, [...first, 'pack', '--dry-run', '--json', '--loglevel=error'], {
      cwd: folder,
      encoding: 'utf8',
    }),
  );
  const [{ files }] = Array.isArray(packed) ? packed : Object.values(packed);
  return new Set(files.map((file) => file.path));
}
