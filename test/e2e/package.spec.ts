import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { linkPackage, manifest, unpackPackage } from '../support/packed-package.js';

const peers = Object.keys(manifest.peerDependencies);
const required = peers.filter((name) => manifest.peerDependenciesMeta[name]?.optional !== true);
const entryPoints = Object.keys(manifest.exports).filter((name) => name !== './package.json');

/** A version of each that is older than all that are supported. */
const OLD: Readonly<Record<string, string>> = {
  ioredis: '4.28.5',
  amqplib: '0.8.0',
  kafkajs: '1.16.0',
  lmdb: '2.9.4',
};
describe('the package', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-package-'));
  const home = path.join(directory, 'node_modules', manifest.name);

  beforeAll(() => {
    unpackPackage(directory);
    required.forEach(install);
  }, 60_000);

  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it('is used without any optional package', () => {
    const names = importOf(manifest.name);
    expect(names).toEqual(
      expect.arrayContaining(['MessagingModule', 'MessagingService', 'defineMessage', 'MessageHandler']),
    );
  });

  it.each(['esm', 'cjs'])(
    'says what health and metrics need once an application imports them, in the build %s',
    (build) => {
      expect(mistakes(build, '[HealthModule.forRoot()], [MetricsModule.forRoot()]')).toEqual([
        [
          expect.stringMatching(
            /^HealthModule needs .* not installed. Install it: npm install @nestjs.terminus/,
          ),
        ],
        [expect.stringMatching(/^MetricsModule needs .* not installed. Install it: npm install prom-client/)],
      ]);
    },
    60_000,
  );

  it.each(['esm', 'cjs'])(
    'reports every client of another version with its key, in the build %s',
    (build) => {
      const old = Object.entries(OLD).map(([name, version]) => installAs(name, version));
      const sentence = (name: string, user: string): unknown =>
        expect.stringContaining(
          `${user} the package "${name}" (${manifest.peerDependencies[name]}), but version ${OLD[name]} is installed. Install a supported one: npm install ${name}`,
        );
      try {
        expect(mistakes(build, '[brokers]')[0]).toEqual([
          sentence('ioredis', 'transports.redis.kind is redis. Redis needs'),
          sentence('amqplib', 'transports.rabbitmq.kind is rabbitmq. RabbitMQ needs'),
          sentence('kafkajs', 'transports.kafka.kind is kafka. Kafka needs'),
          sentence('lmdb', 'transports.embedded.kind is embedded. The embedded transport and stores need'),
        ]);
      } finally {
        for (const folder of old) fs.rmSync(folder, { recursive: true });
      }
    },
    60_000,
  );

  it('has every file that its exports name', () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    expect(targets.filter((target) => !fs.existsSync(path.join(home, target)))).toEqual([]);
  });

  describe('once the optional packages are there', () => {
    const names = entryPoints.map((name) => manifest.name + name.slice(1));
    let found: Record<string, { imported: string[]; required: string[]; others: string[] }>;

    beforeAll(() => {
      peers.filter((name) => !required.includes(name)).forEach(install);
      const program = `
        import 'reflect-metadata';
        import { createRequire } from 'node:module';
        const require = createRequire(process.cwd() + '/x.js');
        const found = {};
        for (const name of ${JSON.stringify(names)}) {
          const [imported, required] = [await import(name), require(name)];
          const others = Object.keys(imported).filter((key) => imported[key] !== required[key]);
          found[name] = { imported: Object.keys(imported), required: Object.keys(required), others };
        }
        console.log(JSON.stringify(found));`;
      found = outputOf(program) as typeof found;
    });

    it.each(names)('import and require give the same copy of %s', (name) => {
      expect(found[name]).toEqual({
        imported: expect.arrayContaining([expect.any(String)]),
        required: expect.arrayContaining(found[name]!.imported),
        others: [],
      });
    });

    it('the CommonJS build loads by itself, with the same names', () => {
      const files = Object.values(manifest.exports).flatMap((target) =>
        typeof target === 'string' ? [] : [path.join(home, target['require']!)],
      );
      const program = `
        require('reflect-metadata');
        console.log(JSON.stringify(${JSON.stringify(files)}.map((file) => Object.keys(require(file)).sort())));`;
      expect(outputOf(program, 'commonjs')).toEqual(names.map((name) => found[name]!.imported.sort()));
    });
  });

  it.each([
    ['mjs', "import { describe, it } from 'node:test';", 'await import'],
    ['cjs', "const { describe, it } = require('node:test');", 'require'],
  ])(
    'runs cases of the conformance suite under node:test, in a .%s file',
    (extension, framework, load) => {
      linkPackage(directory, 'expect');
      const topics = ['delivering', 'contexts', 'limits'];
      const file = path.join(directory, `suite.${extension}`);
      fs.writeFileSync(
        file,
        `${framework}
        ${load === 'require' ? 'void' : 'await'} (async () => {
          ${load}('reflect-metadata');
          const { expect } = ${load}('expect');
          const { describeTransport } = ${load}('switchyard/testing/conformance');
          const { MemoryTransport, memoryOptionsSchema } = ${load}('switchyard/memory');
          const { systemClock } = ${load}('switchyard');
          const create = async (context) => {
            const options = memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 21 });
            const transport = new MemoryTransport(options, { name: 'm', clock: systemClock, ...context });
            await transport.connect();
            return transport;
          };
          describeTransport({ describe, it, expect }, 'Memory', { create, replies: true, repliesStayInProcess: true, tooLargeBytes: 2 ** 22 }, ${JSON.stringify(topics)});
        })();`,
      );
      const output = execFileSync(process.execPath, ['--test', '--test-reporter=tap', file], {
        cwd: directory,
        encoding: 'utf8',
      });
      expect(output).toMatch(/^# fail 0$/m);
      expect(output).toContain('delivers a body of 1 MiB as it was sent');
      expect(output).not.toMatch(/^# pass [0-9]$/m);
    },
    60_000,
  );

  function install(name: string): void {
    linkPackage(directory, name);
  }

  /** As if it were of this version; it is never loaded. */
  function installAs(name: string, version: string): string {
    const folder = path.join(directory, 'node_modules', name);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name, version }));
    return folder;
  }

  /** The sentences with which an application with each of these lists of imports does not start. */
  function mistakes(build: string, imports: string): readonly (readonly string[])[] {
    const file = (name: string): string => JSON.stringify(path.join(home, 'dist', build, name));
    const load = build === 'esm' ? 'await import' : 'require';
    const program = `
      ${load}('reflect-metadata');
      const { NestFactory } = ${load}('@nestjs/core');
      const { SwitchyardModule } = ${load}(${file('index.js')});
      const { HealthModule } = ${load}(${file('exports/health.js')});
      const { MetricsModule } = ${load}(${file('exports/metrics.js')});
      const brokers = SwitchyardModule.forRoot({
        service: 'shop',
        transports: {
          redis: { kind: 'redis', url: 'redis://127.0.0.1' },
          rabbitmq: { kind: 'rabbitmq', urls: ['amqp://127.0.0.1'] },
          kafka: { kind: 'kafka', brokers: ['127.0.0.1:1'] },
          embedded: { kind: 'embedded' },
        },
        routes: [{ match: '**', transport: 'redis' }],
      });
      const sentences = (imports) => {
        class App {}
        const options = { logger: false, abortOnError: false };
        return NestFactory.createApplicationContext({ module: App, imports }, options)
          .then(() => [], (error) => error.problems ?? [error.message]);
      };
      Promise.all([${imports}].map(sentences)).then((found) => console.log(JSON.stringify(found)));`;
    return outputOf(program, build === 'esm' ? 'module' : 'commonjs') as string[][];
  }

  function importOf(name: string): string[] {
    const program = `import 'reflect-metadata'; console.log(JSON.stringify(Object.keys(await import('${name}'))));`;
    return outputOf(program) as string[];
  }

  function outputOf(program: string, type = 'module'): unknown {
    const output = execFileSync(process.execPath, [`--input-type=${type}`, '-e', program], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return JSON.parse(output);
  }
});
