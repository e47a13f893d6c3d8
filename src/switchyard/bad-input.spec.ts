import { type DynamicModule, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MessageHandler,
  MessagingConfigurationError,
  SwitchyardModule,
  type Transport,
  type TransportContext,
} from '../index.js';

const memory = { service: 'shop', transports: { main: { kind: 'memory' } }, ...stores() };

function stores(): object {
  return { deadLetters: { store: 'memory' }, idempotency: { store: 'memory' } };
}

/** As JavaScript calls it. */
const forRoot = (options: unknown): DynamicModule => SwitchyardModule.forRoot(options as never);
const forRootAsync = (options: unknown): DynamicModule => SwitchyardModule.forRootAsync(options as never);

/** The mistakes with which an application with these imports does not start. */
async function problemsOf(imports: unknown[], providers: unknown[] = []): Promise<readonly string[]> {
  @Module({ imports: imports as never, providers: providers as never })
  class App {}
  const error: unknown = await NestFactory.createApplicationContext(App, {
    logger: false,
    abortOnError: false,
  }).then(
    async (app) => app.close(),
    (reason: unknown) => reason,
  );
  if (error instanceof MessagingConfigurationError) return error.problems;
  throw new Error(`It did not fail with its mistakes, but with: ${String(error)}`);
}

/** One transport in place of `main`. */
const transport = (options: unknown): object => ({ ...memory, transports: { main: options } });

class NotPlain {
  readonly kind = 'memory';
}
const circle: Record<string, unknown> = {};
circle['limits'] = circle;

const OPTIONS: readonly (readonly [string, unknown, string])[] = [
  ['nothing', undefined, 'the options of SwitchyardModule are undefined. Give an object'],
  ['null', null, 'the options of SwitchyardModule are null.'],
  ['a list', [], 'the options of SwitchyardModule are a list.'],
  ['text', 'shop', 'the options of SwitchyardModule are string.'],
  ['no service', { ...memory, service: undefined }, 'service is missing. Allowed: 1 to 64 letters'],
  ['a service of another kind', { ...memory, service: 7 }, 'service is 7. Allowed: 1 to 64 letters'],
  [
    'a service with spaces',
    { ...memory, service: 'my shop' },
    'service is not valid (value not shown). Allowed: 1 to 64',
  ],
  [
    'an unknown key',
    { ...memory, transport: {} },
    'transport is not a known key. Did you mean "transports"?',
  ],
  [
    'a key of later',
    { ...memory, sql: {} },
    'sql is reserved for a later version and not yet available. Remove it.',
  ],
  ['transports in a list', { ...memory, transports: [] }, 'transports is a list. Allowed: names'],
  [
    'a transport of no kind',
    transport({}),
    'transports.main.kind is missing. Allowed: memory, embedded, redis',
  ],
  [
    'a transport of an unknown kind',
    transport({ kind: 'sqs' }),
    'transports.main.kind is "sqs". Allowed: memory',
  ],
  [
    'a transport that is text',
    transport('memory'),
    'transports.main is a plain value. Allowed: a group whose kind',
  ],
  [
    'an instance',
    transport(new NotPlain()),
    'transports.main is an instance of NotPlain. Give its options, or a function (context) => Transport',
  ],
  ['a class', transport(NotPlain), 'transports.main is a class. Give its options, or a function'],
  [
    'an option of another kind',
    transport({ kind: 'kafka', brokers: ['here:1', 7] }),
    'transports.main.brokers[1] is not valid (value not shown). Allowed: host:port.',
  ],
  [
    'an unknown option',
    transport({ kind: 'memory', maxByte: 1 }),
    'transports.main.maxByte is not a known key. Did you mean "maxBytes"?',
  ],
  [
    'out of range',
    { ...memory, maxInFlight: 0 },
    'maxInFlight is 0. Allowed: a whole number, from 1 to 1000000.',
  ],
  ['not a number', { ...memory, maxInFlight: NaN }, 'maxInFlight is NaN. Allowed: a whole number'],
  ['a fraction', { ...memory, maxInFlight: 1.5 }, 'maxInFlight is 1.5. Allowed: a whole number'],
  ['a bigint', { ...memory, maxInFlight: 5n }, 'maxInFlight is a bigint. Give text, a number'],
  [
    'a duration without meaning',
    { ...memory, drainTimeoutMs: '10x' },
    'drainTimeoutMs is "10x". Allowed: a duration',
  ],
  [
    'a function where none belongs',
    { ...memory, limits: () => 1 },
    'limits is a function. Give text, a number',
  ],
  ['a date', { ...memory, limits: new Date() }, 'limits is an instance of Date. Give text, a number'],
  ['an object that contains itself', { ...memory, ...circle }, 'inside an object that contains itself'],
  [
    'a boolean as text',
    { ...memory, registerHandlers: 'no' },
    'registerHandlers is "no". Allowed: true, false.',
  ],
  [
    'a route to nowhere',
    { ...memory, routes: [{ match: '**', transport: 'mian' }] },
    'routes[0] names the transport "mian", which is not configured. Did you mean "main"?',
  ],
  [
    'a member that is missing',
    {
      ...memory,
      transports: { main: { kind: 'failover', members: ['a', 'b'] }, a: { kind: 'memory' } },
      routes: [],
    },
    'transports.main.members names the transport "b", which is not configured.',
  ],
  [
    'two transports and no route',
    { ...memory, transports: { a: { kind: 'memory' }, b: { kind: 'memory' } } },
    'routes is missing. With 2 transports it must say which topic goes where.',
  ],
  [
    'a store of an unknown kind',
    { ...memory, deadLetters: { store: 'sql' } },
    'deadLetters.store is "sql". Allowed',
  ],
  [
    'a store in Redis without Redis',
    { ...memory, idempotency: { store: 'redis' } },
    'idempotency.store is redis, which needs one transport of that kind',
  ],
  [
    'observers of another kind',
    { ...memory, observers: [{}] },
    'observers must be a list of objects with the method on.',
  ],
  ['messages of another kind', { ...memory, messages: 'all' }, 'messages must be a list of message types'],
  [
    'a clock of another kind',
    { ...memory, clock: Date },
    'clock must be an object with the methods now, monotonic',
  ],
  [
    'a rule of another kind',
    { ...memory, defaults: { errors: [{ match: TypeError, action: 'park' }] } },
    'defaults.errors must be a list of rules such as',
  ],
  [
    'a function that returns nothing',
    transport(() => undefined),
    'transports.main is a function that returned undefined. Return a Transport.',
  ],
  [
    'a function that returns something else',
    transport(() => ({ publish: () => [] })),
    'transports.main is a function that returned an object without connect, close, ping, consume, backlog.',
  ],
  [
    'a store that is none',
    { ...memory, deadLetters: { store: () => 7 } },
    'deadLetters.store is a function that returned number. Return a store.',
  ],
];

const FACTORY = 'SwitchyardModule.forRootAsync needs exactly one of useFactory, useClass and useExisting';
@Injectable()
class NoFactory {}

const ASYNC: readonly (readonly [string, unknown, string])[] = [
  [
    'undefined from a factory',
    { useFactory: () => undefined },
    'a ConfigService returns undefined for a key',
  ],
  ['a promise of nothing', { useFactory: async () => undefined }, 'A useFactory must return them'],
  ['no options at all', undefined, FACTORY],
  ['no way', {}, FACTORY],
  ['two ways', { useFactory: () => memory, useClass: NoFactory }, FACTORY],
  ['a factory that is none', { useFactory: memory }, FACTORY],
  ['a class without the method', { useClass: NoFactory }, 'NoFactory has no method createSwitchyardOptions'],
];

describe('mistakes in the options of SwitchyardModule', () => {
  it.each(OPTIONS)('%s', async (_, options, sentence) => {
    expect(await problemsOf([forRoot(options)])).toContainEqual(expect.stringContaining(sentence));
    if (options === undefined) return;
    const fromFactory = await problemsOf([forRootAsync({ useFactory: () => options })]);
    expect(fromFactory).toContainEqual(expect.stringContaining(sentence));
  });

  it.each(ASYNC)('%s', async (_, options, sentence) => {
    expect(await problemsOf([forRootAsync(options)])).toEqual([expect.stringContaining(sentence)]);
  });

  it('no options', async () => {
    expect(await problemsOf([SwitchyardModule])).toEqual([
      expect.stringContaining('imported without options'),
    ]);
  });

  it('two modules', async () => {
    const twice = await problemsOf([forRoot(memory), forRoot({ ...memory, service: 'other' })]);
    expect(twice).toEqual([expect.stringContaining('SwitchyardModule is imported with options 2 times.')]);
  });

  const HANDLERS: readonly (readonly [string, unknown, unknown, string])[] = [
    [
      'a switch without errors',
      't',
      { killSwitch: {} },
      'killSwitch is not { after, errors: [DatabaseDown], probeEveryMs }',
    ],
    ['an inbox of later', 't', { inbox: true }, 'inbox is reserved for a later version'],
    ['batches of later', 't', { batch: 10 }, 'batch is reserved for a later version'],
    [
      'an unknown option',
      't',
      { attempt: 1 },
      'attempt is not an option of handlers; known are group, concurrency',
    ],
    ['options that are null', 't', null, 'its options are null; give an object'],
    ['options that are a number', 't', 5, 'its options are number; give an object'],
    ['attempts as text', 't', { attempts: '5' }, 'attempts is "5"; use a whole number from 1 to 1000'],
    ['a backoff in milliseconds', 't', { backoff: 100 }, 'backoff is 100; give { type, delayMs }'],
    ['rules that are none', 't', { errors: [TypeError] }, 'errors is not a list of rules such as'],
    ['no message type', undefined, {}, 'Files that import each other see undefined.'],
  ];
  it.each(HANDLERS)('of handlers: %s', async (_, target, options, sentence) => {
    @Injectable()
    class Handlers {
      @MessageHandler(target as never, options as never)
      on(): void {}
    }
    const problems = await problemsOf([forRoot(memory)], [Handlers]);
    expect(problems).toEqual([expect.stringContaining(`Handler Handlers.on`)]);
    expect(problems[0]).toContain(sentence);
  });

  it('are reported together, with those of handlers', async () => {
    @Injectable()
    class Handlers {
      @MessageHandler('a b')
      on(): void {}
    }
    const options = { ...memory, service: 'my shop', maxInFlight: 0, sql: {}, observers: 1 };
    const problems = await problemsOf([forRoot(options)], [Handlers]);
    expect(problems).toHaveLength(5);
    expect(problems.join()).toContain('Handlers.on');
  });

  it('are reported before anything connects', async () => {
    const connected: string[] = [];
    const own = (context: TransportContext): Transport =>
      ({
        name: context.name,
        connect: async () => connected.push(context.name),
        ...Object.fromEntries(
          ['close', 'ping', 'publish', 'consume', 'backlog'].map((name) => [name, async () => undefined]),
        ),
      }) as unknown as Transport;
    const options = {
      ...memory,
      transports: { a: own, b: () => 1 },
      routes: [{ match: '**', transport: 'a' }],
    };
    expect(await problemsOf([forRoot(options)])).toHaveLength(1);
    expect(connected).toEqual([]);
  });

  it('include a transport that another application has had', async () => {
    let made: Transport | undefined;
    const { MemoryTransport, memoryOptionsSchema } = await import('../exports/memory.js');
    const module = forRoot(
      transport(
        (context: TransportContext) => (made ??= new MemoryTransport(memoryOptionsSchema.parse({}), context)),
      ),
    );
    const app = await NestFactory.createApplicationContext({ module: class {}, imports: [module] } as never, {
      logger: false,
    });
    await app.close();
    expect(await problemsOf([module])).toEqual([expect.stringContaining('Make a new one at each call.')]);
  });
});
