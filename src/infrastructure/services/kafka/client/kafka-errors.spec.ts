import { failureOf } from './kafka-errors.js';

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
