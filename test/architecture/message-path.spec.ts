import * as fs from 'node:fs';
import * as path from 'node:path';
import { sourceFiles } from './source-files.js';
import { importsOf, namesBesideTrips, readTrips, type Trip } from './trips.js';

const PAGE = 'docs/changing/message-path.md';
const CORE = 'src/core/messaging';
/** Files of the broker's own folder, at most, unless the page gives a reason. */
const AIMS: Record<string, number> = { Publish: 8, Deliver: 6, Retry: 5, 'Dead letter': 5 };

const text = fs.readFileSync(PAGE, 'utf8');
const trips = readTrips(text);
const sources = new Map(sourceFiles('src').map((source) => [source.name, source.text]));
const names = fs
  .readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => /(?<!\.spec)\.(ts|lua)$/.test(name))
  .map((name) => path.join('src', name));

const folderOf = ({ broker }: Trip): string => `src/infrastructure/services/${broker.toLowerCase()}`;
const titleOf = ({ section, broker }: Trip): string => `${section} of ${broker}`;
const eachTrip = trips.map((trip) => [titleOf(trip), trip] as const);

/** The files below `folder` that the page means by `name`, which may begin with folders. */
function filesNamed(folder: string, name: string): string[] {
  return names.filter((file) => file.startsWith(`${folder}/`) && file.endsWith(`/${name}`));
}

/** The one file that the page means. */
function fileNamed(folder: string, name: string): string {
  const [file, another] = filesNamed(folder, name);
  if (file === undefined) throw new Error(`${PAGE} names ${name}, which ${folder} does not have.`);
  if (another !== undefined)
    throw new Error(`${PAGE} names ${name}, which may be ${file} or ${another}. Name it with its folder.`);
  return file;
}

const importsIn = (file: string): readonly string[] => importsOf(file, sources);

describe(PAGE, () => {
  it('lists every trip of every broker', () => {
    const transports = ['Memory', 'Redis', 'RabbitMQ', 'Kafka', 'Embedded'];
    const stores = ['Memory', 'Redis', 'Embedded'];
    expect(trips.map(titleOf)).toEqual([
      ...['Publish', 'Deliver', 'Retry'].flatMap((section) =>
        transports.map((broker) => `${section} of ${broker}`),
      ),
      ...stores.map((broker) => `Dead letter of ${broker}`),
    ]);
  });

  it('says the aims', () => {
    const aims = /at most (\d+) files to publish, (\d+) to deliver, (\d+) to retry, (\d+) to keep/.exec(text);
    expect(aims?.slice(1).map(Number)).toEqual(Object.values(AIMS));
  });

  it.each(eachTrip)('names files that exist: %s', (_, trip) => {
    expect(() => trip.files.map((name) => fileNamed(folderOf(trip), name))).not.toThrow();
  });

  it.each(eachTrip)('counts the files: %s', (_, { files, count }) => {
    expect(new Set(files).size).toBe(files.length);
    expect(files).toHaveLength(count);
  });

  it.each(eachTrip)('stays within the aim or gives a reason: %s', (_, { section, count, reason }) => {
    if (count > AIMS[section]!) expect(reason).toMatch(/\w+ \w+ \w+/);
    else expect(reason).toBe('');
  });

  it.each(
    trips.flatMap((trip) => trip.joins.map((name) => [`${titleOf(trip)} at ${name}`, trip, name] as const)),
  )('joins the publish trip at a file of that: %s', (_, { broker }, name) => {
    const publish = trips.find((other) => other.section === 'Publish' && other.broker === broker);
    expect(publish?.files).toContain(name);
  });

  it.each(eachTrip)(
    'lists only files that import another of the trips or that one imports: %s',
    (_, trip) => {
      const all = trips
        .filter(({ broker }) => broker === trip.broker)
        .flatMap(({ files }) => files.map((name) => fileNamed(folderOf(trip), name)));
      const strangers = trip.files
        .map((name) => fileNamed(folderOf(trip), name))
        .filter(
          (file) => !all.some((other) => importsIn(file).includes(other) || importsIn(other).includes(file)),
        );
      expect(strangers).toEqual([]);
    },
  );

  it('names files of the core that exist', () => {
    const named = namesBesideTrips(text);
    expect(named.length).toBeGreaterThan(20);
    const missing = named.filter((name) =>
      name.includes('/') && fs.existsSync(name) ? false : filesNamed(CORE, name).length !== 1,
    );
    expect(missing).toEqual([]);
  });
});
