import * as fs from 'node:fs';

type Versions = Readonly<Record<string, string>>;

interface Manifest {
  readonly dependencies: Versions;
  readonly devDependencies: Versions;
  readonly peerDependencies: Versions;
}

const manifestAt = (file: string): Manifest => JSON.parse(fs.readFileSync(file, 'utf8')) as Manifest;
const own = manifestAt('package.json');
const low = manifestAt('test/fixtures/low-peers/package.json');
const oldestApplication = manifestAt('test/fixtures/nest-11-oldest/package.json');
const newestApplication = manifestAt('test/fixtures/nest-fastify/package.json');
const ranges = Object.entries({ ...own.peerDependencies, ...own.dependencies });

/** `^5.4.1 || ^6.0.0` has the ends 5.4.1 and 6. */
function endsOf(range: string): { readonly oldest: string; readonly newestMajor: string } {
  const versions = [...range.matchAll(/(\d+)\.\d+\.\d+/g)];
  return { oldest: versions[0]?.[0] ?? '', newestMajor: versions.at(-1)?.[1] ?? '' };
}

describe('both ends of the range of a package are tested', () => {
  it.each(ranges)('%s %s: the oldest one by the groups low-peers', (name, range) => {
    expect(low.dependencies[name]).toBe(endsOf(range).oldest);
  });

  it.each(ranges)('%s %s: the newest one by all others', (name, range) => {
    const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    const installed = lock.packages[`node_modules/${name}`]!.version;
    expect(installed.split('.')[0]).toBe(endsOf(range).newestMajor);
  });

  it.each(ranges)('%s %s: both by an application that installs the package', (name, range) => {
    const { oldest, newestMajor } = endsOf(range);
    expect(oldestApplication.dependencies[name]).toBe(oldest);
    expect(newestApplication.dependencies[name]?.split('.')[0]).toBe(newestMajor);
  });
});

it('the tools are pinned exactly', () => {
  const loose = Object.entries(own.devDependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  expect(loose).toEqual([]);
});
