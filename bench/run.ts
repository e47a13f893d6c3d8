import { asTable, type Bench, holds } from './harness.js';

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  memory: async () => (await import('./memory.js')).memory,
  embedded: async () => (await import('./embedded/embedded.js')).embedded,
  composites: async () => (await import('./composites.js')).composites,
  load: async () => (await import('./load/load.js')).load,
  outage: async () => (await import('./outage.js')).outage,
  redis: async () => (await import('./redis/redis.js')).redis,
  rabbitmq: async () => (await import('./rabbitmq/rabbitmq.js')).rabbitmq,
  kafka: async () => (await import('./kafka/kafka.js')).kafka,
};

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = [
    ...names.filter((name) => !Object.hasOwn(BENCHES, name)),
    ...args.filter((arg) => arg.startsWith('--') && arg !== '--quick' && arg !== '--json'),
  ];
  if (unknown.length > 0) {
    console.error(
      `There is no bench or option called ${unknown.join(', ')}. Benches: ${Object.keys(BENCHES).join(', ')}. Options: --quick, --json.`,
    );
    return 2;
  }
  const json = args.includes('--json');
  let passed = true;
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
    const bench = await BENCHES[name]!();
    const figures = await bench.run({
      quick: args.includes('--quick'),
      progress: (text) => process.stderr.write(`  ${name}: ${text}\n`),
    });
    for (const { figure, value, unit, ratio, floor, goal } of json ? figures : [])
      console.log(JSON.stringify({ figure, value, unit, ratio: ratio ?? null, floor, goal }));
    if (!json) console.log(asTable(figures));
    passed &&= figures.every(holds);
  }
  return passed ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
