import type { StandardSchemaV1 } from '@standard-schema/spec';
import { deliveryOf, GOOD, handlingOf } from '../../../../test/support/deliveries.js';
import { decode } from './delivery-processor.js';
import { DEFAULT_MESSAGE_LIMITS } from '../message/message-limits.js';
import { defineMessage, type MessageType } from '../message/message-type.js';
import type { Delivery } from '../ports/transport.js';

const limits = DEFAULT_MESSAGE_LIMITS;

describe('decode', () => {
  it('returns the payload as the schema makes it, without a promise', () => {
    expect(decode(handlingOf(), { limits })).toEqual({ id: 'o-1' });
  });

  it('returns the JSON as it came where the topic is known by its name only', () => {
    expect(decode(handlingOf(deliveryOf(GOOD), { type: undefined }), { limits })).toEqual({ id: ' o-1 ' });
  });

  it('accepts a charset in the content type', () => {
    const delivery = deliveryOf(GOOD, { 'content-type': 'Application/JSON; charset=utf-8' });
    expect(decode(handlingOf(delivery), { limits })).toEqual({ id: 'o-1' });
  });

  it('returns a promise where the schema validates asynchronously', async () => {
    const schema: StandardSchemaV1<unknown, number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) =>
          value === 7 ? { value: 8 } : { issues: [{ message: 'is not seven', path: ['n'] }] },
      },
    };
    const type = defineMessage('numbers.seen', schema) as unknown as MessageType;
    await expect(decode(handlingOf(deliveryOf('7'), { type }), { limits })).resolves.toBe(8);
    await expect(decode(handlingOf(deliveryOf('6'), { type }), { limits })).rejects.toMatchObject({
      reason: 'validation_failed',
      message: expect.stringContaining('n: is not seven') as string,
    });
  });

  it.each<[string, Delivery, string, string]>([
    ['that is not JSON', deliveryOf('{'), 'deserialization_failed', 'PAYLOAD_UNDECODABLE'],
    ['that is not UTF-8', deliveryOf(Uint8Array.of(0xff)), 'deserialization_failed', 'PAYLOAD_UNDECODABLE'],
    [
      'nested 100,000 levels deep',
      deliveryOf('['.repeat(100_000)),
      'deserialization_failed',
      'MESSAGE_TOO_DEEP',
    ],
    [
      'that pollutes prototypes',
      deliveryOf('{"id":"x","__proto__":{}}'),
      'deserialization_failed',
      'PAYLOAD_INVALID',
    ],
    ['that is empty', deliveryOf(''), 'deserialization_failed', 'PAYLOAD_UNDECODABLE'],
    ['over the limit', deliveryOf(Buffer.alloc(4_194_305)), 'deserialization_failed', 'MESSAGE_TOO_LARGE'],
    [
      'of another content type',
      deliveryOf(GOOD, { 'content-type': 'application/x-java' }),
      'deserialization_failed',
      'PAYLOAD_UNDECODABLE',
    ],
    ['that the schema refuses', deliveryOf('{"id":7}'), 'validation_failed', 'PAYLOAD_INVALID'],
  ])('refuses a body %s', (_, delivery, reason, code) => {
    expect(() => decode(handlingOf(delivery), { limits })).toThrow(expect.objectContaining({ reason, code }));
  });
});
