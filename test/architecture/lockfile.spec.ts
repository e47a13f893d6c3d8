import * as fs from 'node:fs';

interface Entry {
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, Entry>>;

const fixtures = fs
  .readdirSync('test/fixtures', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('package-lock.json') && !name.includes('node_modules'))
  .map((name) => `test/fixtures/${name}`);

/** Looks for a package the way Node does: next to whoever asks, then further and further up. */
function isLocked(packages: Packages, name: string, askedBy: string): boolean {
  const places = askedBy
    .split('/node_modules/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'));
  return ['', ...places.map((place) => `${place}/`)].some(
    (place) => `${place}node_modules/${name}` in packages,
  );
}

describe.each(['package-lock.json', ...fixtures])('the lockfile %s', (file) => {
  const text = fs.readFileSync(file, 'utf8');
  const { packages } = JSON.parse(text) as { readonly packages: Packages };

  it('names no registry', () => {
    expect(text).not.toContain('"resolved"');
  });

  // npm leaves out what it cannot find where the lockfile is made, and then refuses to install from it anywhere.
  it('names the optional packages of every system', () => {
    const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(packages, name, place)),
    );
    expect(missing).toEqual([]);
  });

  it('pins what runs here by its content', () => {
    const loose = Object.entries(packages).filter(
      ([place, { integrity, optional, os }]) =>
        place !== '' && integrity === undefined && !(optional && os !== undefined),
    );
    expect(loose.map(([place]) => place)).toEqual([]);
  });
});
