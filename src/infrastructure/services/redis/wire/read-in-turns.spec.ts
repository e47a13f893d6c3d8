import { countTurns } from '../../../../../test/support/count-turns.js';
import { readInTurns } from './read-in-turns.js';

const entries = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, nth) => ({
    origin: { source: 1, stream: 's', consumer: 'me' } as const,
    id: Buffer.from(`${nth}-1`),
    fields: ['id', `${nth}`, 'headers', '{}', 'body', 'x'.repeat(bytes)].map((text) => Buffer.from(text)),
    crashes: 0,
  }));

const read = async (count: number, bytes: number): Promise<{ ids: string[]; turns: number }> => {
  let ids: string[] = [];
  const turns = await countTurns(async () => {
    ids = (await readInTurns(entries(count, bytes))).map(({ message }) => message.id);
  });
  return { ids, turns };
};

it('reads small entries in one turn, and large ones in several, in their order', async () => {
  const ids = Array.from({ length: 100 }, (_, nth) => `${nth}`);
  expect(await read(100, 1_024)).toEqual({ ids, turns: 0 });
  const large = await read(100, 100_000);
  expect(large.ids).toEqual(ids);
  expect(large.turns).toBeGreaterThanOrEqual(45);
});
