import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClientClosedError, failureOf, isTransient } from './kafka-errors.js';

const FOLDER = 'src/infrastructure/services/kafka';

/** As the client wraps what is thrown inside it. */
function wrapped(cause: Error): Error {
  return Object.assign(new Error(cause.message, { cause }), { name: 'KafkaJSNonRetriableError' });
}

it.each([
  [false, 'unavailable'],
  [true, 'unknown'],
])(
  'calls a defect inside the client what it is, and keeps where it comes from (sent: %s)',
  (wasSent, kind) => {
    const defect = new TypeError("Cannot read properties of undefined (reading 'partitions')");
    const failure = failureOf(wrapped(defect), 'Kafka "k"', wasSent);
    expect(failure).toMatchObject({ kind, error: { code: 'INTERNAL', cause: defect } });
    expect(failure.error.message).toContain(
      "TypeError: Cannot read properties of undefined (reading 'partitions')",
    );
    expect(failure.error.message).not.toContain('cannot be reached');
  },
);

it('calls a broker that does not answer unreachable', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  expect(failureOf(wrapped(refused), 'Kafka "k"', false)).toMatchObject({
    kind: 'unavailable',
    error: {
      code: 'TRANSPORT_UNAVAILABLE',
      message: expect.stringContaining('cannot be reached (ECONNREFUSED)') as string,
    },
  });
});

describe('a client that was closed while a call was under way', () => {
  const closed = new ClientClosedError('closed');
  // All that the client keeps of the error of a connection.
  const onConnection = Object.assign(new Error('Connection error: closed'), {
    name: 'KafkaJSConnectionError',
    code: closed.code,
  });

  it.each([[closed], [onConnection], [wrapped(onConnection)]])(
    'is named, and can be tried again (%s)',
    (error) => {
      expect(isTransient(error)).toBe(true);
      expect(failureOf(error, 'Kafka "k"', true)).toMatchObject({
        kind: 'unknown',
        error: {
          code: 'TRANSPORT_UNAVAILABLE',
          message:
            'Kafka "k" failed while a request was in flight: its client was closed meanwhile, and a new one takes over.',
        },
      });
    },
  );
});

it('says what failed where an error has neither a type nor a code', () => {
  const { error } = failureOf(wrapped(new Error('the group was not joined')), 'Kafka "k"', true);
  expect(error.message).toContain('(Error: the group was not joined)');
});

it('is the only place that classifies: no bare Error is made in the folder', () => {
  const sources = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'),
  );
  const bare = sources.filter((name) => /new Error\(/.test(readFileSync(join(FOLDER, name), 'utf8')));
  expect({ bare, sources: sources.length > 50 }).toEqual({ bare: [], sources: true });
});
