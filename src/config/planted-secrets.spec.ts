import * as path from 'node:path';
import { inspect } from 'node:util';

import { CWD, type Given, load } from '../../test/support/load-config.js';
import {
  PLANTED,
  type Place,
  placesIn,
  settingsWith,
  showsSecret,
  validSettings,
  variableOf,
} from '../../test/support/planted-secrets.js';
import { configSchema } from '../app.config.js';
import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { kafkaOptionsSchema } from '../infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../infrastructure/services/kafka/kafka.transport.js';
import { rabbitmqOptionsSchema } from '../infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { redisOptionsSchema } from '../infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../infrastructure/services/redis/redis.transport.js';
import { systemClock } from '../core/messaging/ports/clock.js';
import { shapeOf } from './shape.js';

const PLACES = placesIn(shapeOf(configSchema));
const PRODUCTION = { NODE_ENV: 'production' };

interface Found {
  /** Whether the settings were refused, and everything that a log may print of the error. */
  readonly refused: boolean;
  readonly text: string;
}

function attempt(make: () => unknown): Found {
  try {
    make();
    return { refused: false, text: '' };
  } catch (error) {
    const problems = error instanceof MessagingConfigurationError ? error.problems : [];
    const { message, stack } = error as Error;
    return { refused: true, text: [message, stack, ...problems, inspect(error, { depth: 9 })].join('\n') };
  }
}

/** Where a planted value is shown, and how many attempts were refused. */
function sweep(attempts: Iterable<readonly [string, () => unknown]>): { shown: string[]; refused: number } {
  const shown: string[] = [];
  let refused = 0;
  for (const [at, make] of attempts) {
    const found = attempt(make);
    if (found.refused) refused += 1;
    if (showsSecret(found.text)) shown.push(`${at}: ${found.text.slice(0, 300)}`);
  }
  return { shown, refused };
}

function* everywhere(
  given: (place: Place, value: unknown) => Given | undefined,
): Iterable<readonly [string, () => unknown]> {
  for (const [index, place] of PLACES.entries()) {
    for (const value of someOf(PLANTED, index)) {
      const sources = given(place, value);
      const at = `${place.kind ?? ''} ${place.path.join('.')} = ${JSON.stringify(value)}`;
      if (sources) yield [at, () => load(sources)];
    }
  }
}

/** A part of them, another one for each place: `npm run test:full` tries all. */
function someOf<T>(all: readonly T[], place: number): T[] {
  return all.filter((_, index) => (index + place) % 4 === 0);
}

/** As a variable holds it. */
const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const base = (place: Place): string => JSON.stringify(validSettings(place.kind));

describe('A secret at any key of the settings, of any wrong kind, is shown by no error', () => {
  it('from a file', () => {
    const { shown, refused } = sweep(
      everywhere((place, value) => ({ file: JSON.stringify(settingsWith(place, value)), env: PRODUCTION })),
    );
    expect(shown).toEqual([]);
    expect(refused).toBeGreaterThan(PLACES.length * 2);
  }, 120_000);

  it('from a variable', () => {
    const { shown, refused } = sweep(
      everywhere((place, value) => {
        const name = variableOf(place);
        return name === undefined
          ? undefined
          : { file: base(place), env: { ...PRODUCTION, [name]: written(value) } };
      }),
    );
    expect(shown).toEqual([]);
    expect(refused).toBeGreaterThan(PLACES.length);
  }, 120_000);

  it('from the file that a variable names, or in place of its path', () => {
    const { shown, refused } = sweep(
      everywhere((place, value) => {
        const name = variableOf(place);
        if (name === undefined) return undefined;
        const isPath = typeof value === 'string' && value.startsWith('https');
        const env = { [`${name}_FILE`]: isPath ? value : 'f' };
        return { file: base(place), env, files: { [path.join(CWD, 'f')]: written(value) } };
      }),
    );
    expect(shown).toEqual([]);
    expect(refused).toBeGreaterThan(PLACES.length);
  }, 120_000);

  it.each([
    'PORT',
    'DATA_DIR',
    'SWITCHYARD_CONFIG',
    'SWITCHYARD_NOTHING',
    'SWITCHYARD_TRANSPORTS__X__NOTHING',
  ])('from %s', (name) => {
    const { shown } = sweep(PLANTED.map((value) => [name, () => load({ env: { [name]: written(value) } })]));
    expect(shown).toEqual([]);
  });

  const context = { name: 'x', clock: systemClock, onEvent: () => undefined };
  const kinds = {
    redis: [redisOptionsSchema, RedisTransport],
    rabbitmq: [rabbitmqOptionsSchema, RabbitmqTransport],
    kafka: [kafkaOptionsSchema, KafkaTransport],
  } as const;

  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('from options of %s in code', (kind) => {
    const [schema, Transport] = kinds[kind];
    const attempts = PLACES.filter((place) => place.kind === kind).flatMap((place) =>
      // What Zod says of a key that it does not know is not ours.
      PLANTED.filter((value) => !JSON.stringify(value).includes('@h"')).flatMap((value) => {
        const { transports } = settingsWith(place, value) as {
          transports: Record<string, Record<string, unknown>>;
        };
        const { kind: _kind, ...options } = transports['x'] ?? {};
        const at = `${place.path.join('.')} = ${JSON.stringify(value)}`;
        const make = (given: object): unknown => new Transport(given as never, context);
        return [
          [at, () => make(schema.parse(options))],
          // Without the schema, as JavaScript can.
          [`${at} unchecked`, () => make({ ...schema.parse(validOptions(kind)), ...options })],
        ] as const;
      }),
    );
    const { shown, refused } = sweep(attempts);
    expect(shown).toEqual([]);
    expect(refused).toBeGreaterThan(attempts.length / 3);
  });
});

function validOptions(kind: string): object {
  const { transports } = validSettings(kind) as { transports: Record<string, Record<string, unknown>> };
  const { kind: _kind, ...options } = transports['x'] ?? {};
  return options;
}
