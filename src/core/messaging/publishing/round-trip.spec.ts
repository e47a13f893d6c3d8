import { IsDate, IsString } from 'class-validator';
import { z } from 'zod';
import { defineMessage, type MessageType } from '../message/message-type.js';
import { dtoSchema } from '../message/dto-schema.js';
import { RoundTrip } from './round-trip.js';

class Dto {
  @IsDate() at!: Date;
}

class Named {
  @IsString() name!: string;
}

const prove = (schema: MessageType['schema'], payload: unknown): (() => unknown) => {
  const type = defineMessage('t', schema);
  const trip = new RoundTrip(type);
  return () => trip.prove(type.codec.encode(payload));
};

it.each([
  ['a Date', z.object({ at: z.date() }), { at: new Date(0) }],
  ['a Map', z.object({ m: z.map(z.string(), z.number()) }), { m: new Map([['a', 1]]) }],
  ['a Set', z.object({ s: z.set(z.string()) }), { s: new Set(['a']) }],
  ['bytes', z.object({ b: z.instanceof(Uint8Array) }), { b: new Uint8Array([1]) }],
  ['a Date of a class', dtoSchema(Dto), Object.assign(new Dto(), { at: new Date(0) })],
  ['what toJSON changes', z.object({ n: z.number() }), { n: { toJSON: () => 'x' } }],
])('refuses %s that its schema accepts at the publisher only', async (_, schema, payload) => {
  const proving = prove(schema, payload);
  for (let times = 0; times < 2; times += 1)
    await expect(async () => proving()).rejects.toThrow(
      /"t" was not sent: its schema accepts it here, and refuses what application\/json makes of it/,
    );
});

it('validates once, however many messages follow', () => {
  let times = 0;
  const proving = prove(
    z.object({ at: z.coerce.date() }).refine(() => (times += 1)),
    { at: new Date(0) },
  );
  for (let count = 0; count < 3; count += 1) expect(proving()).toBeUndefined();
  expect(times).toBe(1);
});

it('waits for a schema that validates asynchronously', async () => {
  const proving = prove(dtoSchema(Named), { name: 'x' });
  await expect(proving()).resolves.toBeUndefined();
  expect(proving()).toBeUndefined();
});

it('refuses what its codec cannot decode', () => {
  const codec = {
    contentType: 'text/plain',
    encode: () => Buffer.from('x'),
    decode: () => {
      throw new Error('no');
    },
  };
  const type = defineMessage('t', z.any(), { codec }) as MessageType;
  expect(() => new RoundTrip(type).prove(Buffer.from('x'))).toThrow(/its codec cannot decode/);
});
