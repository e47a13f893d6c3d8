import * as fs from 'node:fs';
import * as path from 'node:path';

/** Of `from 'x'`, `import 'x'`, `import('x')` and `require('x')`, over several lines as well. */
const IMPORT = /\b(?:from|import|require)\s*\(?\s*(['"])([\w@./:-]+)\1/g;
const STRING = /(['"`])((?:\\.|(?!\1)[^\\\n$ ])+)\1/g;
const BLOCK_COMMENT = /^\s*\/\*[\s\S]*?\*\//gm;
const LINE_COMMENT = /^\s*\/\/.*$/gm;
/** Folders of files that are named without a folder, as scripts and configurations are. */
const FOLDERS = ['', 'scripts', 'config'];
const SOURCES = /\.(ts|mts|cts|js|mjs|cjs)$/;
/**
 * Not followed: packages count by their locked version, the list of results is no source of itself, the plan names
 * files that it does not read, and a lock is there only while another command installs.
 */
const NOT_FOLLOWED = new Set([
  'package-lock.json',
  'test/full-runs.json',
  'scripts/test-plan.mjs',
  '.bootstrap.lock',
]);

/**
 * Follows the imports of files and the files that they name by path, to start them (`test/faults/redis-child.ts`),
 * to build and start them (`dist/esm/main.js`) or to read them (`config/switchyard.example.yaml`). Caches the files
 * that it has read.
 */
export class Reach {
  #root;
  #known = new Map();

  constructor(root) {
    this.#root = root;
  }

  /**
   * All `files` that are reachable from these, including themselves, and the `packages` that they import, both
   * sorted.
   */
  from(entries) {
    const files = new Set(entries);
    const packages = new Set();
    for (const file of files) {
      const found = this.#look(file);
      for (const next of found.files) files.add(next);
      for (const name of found.packages) packages.add(name);
    }
    return { files: [...files].sort(), packages: [...packages].sort() };
  }

  /** @returns bytes of a file of the project */
  read(file) {
    return fs.readFileSync(path.join(this.#root, file));
  }

  #look(file) {
    const known = this.#known.get(file);
    if (known !== undefined) return known;
    const found = { files: new Set(), packages: new Set() };
    this.#known.set(file, found);
    if (!SOURCES.test(file)) return found;
    const text = this.read(file).toString('utf8').replace(BLOCK_COMMENT, '').replace(LINE_COMMENT, '');
    for (const [, , name] of text.matchAll(IMPORT)) this.#follow(file, name, found);
    for (const [, , name] of text.matchAll(STRING)) {
      const named = this.#named(file, name);
      if (named !== undefined) found.files.add(named);
    }
    return found;
  }

  #follow(file, name, found) {
    const own = entryPoint(name);
    if (own === undefined && !name.startsWith('.')) {
      if (!name.startsWith('node:')) found.packages.add(packageOf(name));
      return;
    }
    const target = this.#source(own ?? path.posix.join(path.posix.dirname(file), name));
    if (target !== undefined) found.files.add(target);
  }

  /** A string that is the path of a file of the project. */
  #named(file, name) {
    if (!/^[\w@./-]+\.\w+$/.test(name)) return undefined;
    if (/^\.{1,2}\//.test(name)) {
      const beside = this.#source(path.posix.join(path.posix.dirname(file), name));
      if (beside !== undefined) return beside;
    }
    for (const folder of FOLDERS) {
      const found = this.#source(path.posix.join(folder, name));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The source file for a path: imports name the built file. */
  #source(name) {
    const own = name.replace(/^dist\/(esm|cjs)\//, 'src/');
    const candidates = [own, own.replace(/\.(m|c)?js$/, '.$1ts')];
    return candidates.find((each) => !isOutside(each) && !NOT_FOLLOWED.has(each) && this.#isFile(each));
  }

  #isFile(name) {
    return fs.statSync(path.join(this.#root, name), { throwIfNoEntry: false })?.isFile() === true;
  }
}

function isOutside(name) {
  return name.startsWith('..') || name.startsWith('/') || name.startsWith('node_modules/');
}

function packageOf(name) {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The source of an entry point of this package, which examples import by its name. */
function entryPoint(name) {
  if (name === 'switchyard') return 'src/index.js';
  return name.startsWith('switchyard/') ? `src/exports/${name.slice('switchyard/'.length)}.js` : undefined;
}
