/** What a word in the path of a spec below `test/` says that it needs. */
const NEEDS = {
  redis: 'redis',
  old: 'old redis',
  rabbitmq: 'rabbitmq',
  kafka: 'kafka',
  certificates: 'openssl',
  tls: 'openssl',
};

/** Pure specs share the machine; what measures time or kills processes has it for itself. */
const SHARED = ['--maxWorkers=2'];
const IN_BAND = ['--runInBand'];
const KINDS = [
  {
    name: 'units and architecture',
    folders: ['src/', 'test/architecture/', 'test/support/'],
    args: SHARED,
  },
  // Its cases wait for conditions, mostly.
  { name: 'conformance', folders: ['test/conformance/'], args: SHARED },
  { name: 'end to end', folders: ['test/e2e/'], args: IN_BAND },
  // Silent, because lmdb writes a line for every write that fails, at times on the console of a file that is done, and Jest
  // fails a run in which that happens.
  { name: 'faults', folders: ['test/faults/'], args: [...IN_BAND, '--silent'] },
];
/** A broker whose servers take so little that two suites of the same cases can share the machine. */
const LIGHT = 'redis';
const REST = { name: 'others', folders: ['test/'], args: IN_BAND };

/**
 * What has to be on the machine for a spec: `test/faults/redis-kill.spec.ts` needs redis, `test/e2e/kafka-to-redis.spec.ts`
 * needs both. Specs in `src/` need nothing.
 */
export function needsOf(file) {
  if (!file.startsWith('test/')) return [];
  const words = file.replace(/\.spec\.ts$/, '').split(/[^a-z0-9]+/);
  return [...new Set(words.flatMap((word) => (Object.hasOwn(NEEDS, word) ? [NEEDS[word]] : [])))].sort();
}

/**
 * Sorts specs, given relative to the project, into the runs of Jest. Those that need the same have a run of their own, so
 * that the servers of different brokers are never up at the same time.
 */
export function groupsOf(files) {
  const groups = new Map();
  for (const file of [...files].sort()) {
    const needs = needsOf(file);
    const kind = KINDS.find(({ folders }) => folders.some((folder) => file.startsWith(folder))) ?? REST;
    const isLight = needs.join() === LIGHT && kind.name === 'conformance';
    const name = isLight ? `${LIGHT} conformance` : needs.join(' and ') || kind.name;
    const group = groups.get(name) ?? {
      name,
      needs,
      files: [],
      args: needs.length > 0 && !isLight ? IN_BAND : kind.args,
    };
    group.files.push(file);
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => rank(a) - rank(b));
}

/** Those of the quick run: no processes, no disks, no brokers. */
export function quickFilesOf(files) {
  const isQuick = (file) =>
    /^(src|test\/architecture)\//.test(file) || /^test\/conformance\/[^/]*memory[^/]*$/.test(file);
  return files.filter((file) => isQuick(file) && needsOf(file).length === 0);
}

/** From cheap to expensive. */
function rank({ name, needs }) {
  const index = KINDS.findIndex((kind) => kind.name === name);
  return needs.length > 0 ? KINDS.length + needs.length : index === -1 ? KINDS.length : index;
}
