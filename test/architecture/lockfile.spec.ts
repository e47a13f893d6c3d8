import * as fs from 'node:fs';

interface Entry {
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>;
};

/** Looks for a package the way Node does: next to whoever asks, then further and further up. */
function isLocked(name: string, askedBy: string): boolean {
  const places = askedBy
    .split('/node_modules/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'));
  return ['', ...places.map((place) => `${place}/`)].some(
    (place) => `${place}node_modules/${name}` in packages,
  );
}

describe('the lockfile', () => {
  // npm leaves out what it cannot find where the lockfile is made, and then refuses to install from it anywhere.
  it('names the optional packages of every system', () => {
    const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(name, place)),
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
