import * as fs from 'node:fs';
import * as path from 'node:path';

import { packedFiles } from '../../scripts/packed-files.mjs';

interface Link {
  readonly page: string;
  /** As it is written. */
  readonly to: string;
  /** The file from the root of the project; the page itself for an anchor alone. */
  readonly file: string;
  readonly anchor: string | undefined;
}

const DOORS = ['using', 'operating', 'changing'];

const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...fs
    .readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join('docs', name.replaceAll(path.sep, '/'))),
];
const links = pages.flatMap(linksOf);
const packed = packedFiles('.');

/** The relative links of a page. What stands in code is no link. */
function linksOf(page: string): readonly Link[] {
  const prose = withoutFences(page).replace(/`[^`\n]*`/g, '``');
  const targets = [...prose.matchAll(/\]\(<?([^)\s>]+)|^\[[^\]]+\]:\s+<?([^\s>]+)/gm)];
  return targets
    .map(([, inline, definition]) => inline ?? definition ?? '')
    .filter((to) => !/^[a-z][a-z+.-]*:/i.test(to))
    .map((to) => {
      const [target = '', anchor] = to.split('#', 2);
      const file = target === '' ? page : path.posix.join(path.posix.dirname(page), target);
      return { page, to, file, anchor };
    });
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...withoutFences(page).matchAll(/^#{1,6} +(.*?)(?: +#+)? *$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

function withoutFences(page: string): string {
  return fs.readFileSync(page, 'utf8').replace(/^ *(```+|~~~+)[^\n]*\n[\s\S]*?^ *\1 *$/gm, '');
}

const written = (found: readonly Link[]): readonly string[] => found.map(({ page, to }) => `${page}: ${to}`);

describe('links of README, CHANGELOG, CONTRIBUTING and docs', () => {
  it('are there', () => {
    expect(links.length).toBeGreaterThan(50);
    expect(new Set(links.map(({ page }) => page)).size).toBeGreaterThan(10);
    expect(links.filter(({ anchor }) => anchor !== undefined).length).toBeGreaterThan(10);
  });

  it('lead to files', () => {
    const broken = links.filter(({ file }) => !fs.existsSync(file) || !fs.statSync(file).isFile());
    expect(written(broken)).toEqual([]);
  });

  it('lead to headings', () => {
    const broken = links.filter(
      ({ file, anchor }) => anchor !== undefined && fs.existsSync(file) && !anchorsOf(file).includes(anchor),
    );
    expect(written(broken)).toEqual([]);
  });

  it('lead from pages of the package to files of the package', () => {
    const inside = links.filter(({ page }) => packed.has(page));
    expect(inside.length).toBeGreaterThan(50);
    expect(written(inside.filter(({ file }) => !packed.has(file)))).toEqual([]);
  });
});

describe('paths of docs in sources, scripts and tests', () => {
  const named = ['src', 'scripts', 'test', 'bench'].flatMap((folder) =>
    fs
      .readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:ts|mjs|lua|md)$/.test(name))
      .flatMap((name) => docsPathsIn(path.join(folder, name))),
  );

  it('are there', () => expect(named.length).toBeGreaterThan(20));

  it('exist', () => {
    expect(
      named.filter(({ docs }) => !fs.existsSync(docs)).map(({ file, docs }) => `${file}: ${docs}`),
    ).toEqual([]);
  });

  function docsPathsIn(file: string): readonly { readonly file: string; readonly docs: string }[] {
    return [...fs.readFileSync(file, 'utf8').matchAll(/\bdocs\/[\w./-]*\.(?:md|json|ya?ml)\b/g)].map(
      ([docs]) => ({
        file,
        docs,
      }),
    );
  }
});

describe('docs', () => {
  it.each(DOORS)('has an index in %s that names every page of it', (door) => {
    const index = `docs/${door}/README.md`;
    const named = links.filter(({ page }) => page === index).map(({ file }) => file);
    const missing = pages.filter(
      (page) => page.startsWith(`docs/${door}/`) && page !== index && !named.includes(page),
    );
    expect(missing).toEqual([]);
  });

  it('has its pages in those folders, and decisions in docs/adr', () => {
    const folders = new Set(
      pages.filter((page) => page.startsWith('docs/')).map((page) => path.posix.dirname(page)),
    );
    expect([...folders].sort()).toEqual(['adr', ...DOORS].map((name) => `docs/${name}`).sort());
  });
});
