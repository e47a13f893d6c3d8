import { addAll, type DeadLetterCase, found, deadLetter, sameBytes } from './letters.js';

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** What `add` owes. */
export const adding: readonly DeadLetterCase[] = [
  {
    title: 'a letter is found as it was added, with what the store adds',
    run: async ({ store, clock }) => {
      const given = deadLetter({
        key: 'k',
        correlationId: 'c',
        contentType: 'application/json',
        publishedAt: 1_767_000_000_123,
        error: {
          type: 'TypeError',
          message: 'boom “ü” \u0000',
          code: 'E_X',
          stack: 'TypeError: boom\n at x',
        },
        history: [
          { attempt: 1, at: 5, errorType: 'TypeError' },
          { attempt: 2, at: 9, errorType: 'RangeError' },
        ],
      });
      const id = await store.add(given);
      expect(id).toBe(given.id);
      const { body, updatedAt, ...rest } = await found(store, id);
      const { body: givenBody, ...givenRest } = given;
      expect(rest).toEqual({
        ...givenRest,
        status: 'failed',
        replayCount: 0,
        revision: 1,
        bodyBytes: givenBody.length,
      });
      expect(sameBytes(body, givenBody)).toBe(true);
      expect(updatedAt).toBe(clock.now());
    },
  },
  {
    title: 'headers and bytes are kept verbatim',
    run: async ({ store }) => {
      const headers = { 'X-Mixed-Case': ' spaces ', empty: '', ünï: '“✓” \u0000\n', 'with.dot': '=;,' };
      const one = await found(store, await store.add(deadLetter({ headers, body: EVERY_BYTE })));
      expect(one.headers).toEqual(headers);
      expect(sameBytes(one.body, EVERY_BYTE)).toBe(true);
    },
  },
  {
    title: 'an empty body and one of a mebibyte are kept',
    run: async ({ store }) => {
      const large = Buffer.alloc(2 ** 20, EVERY_BYTE);
      for (const body of [new Uint8Array(0), large]) {
        const one = await found(store, await store.add(deadLetter({ body })));
        expect(one.bodyBytes).toBe(body.length);
        expect(sameBytes(one.body, body)).toBe(true);
      }
    },
  },
  {
    title: 'what callers do to their bytes afterwards does not change the letter',
    run: async ({ store }) => {
      const body = Buffer.from('as it arrived');
      const id = await store.add(deadLetter({ body }));
      body.fill(0);
      const first = await found(store, id);
      expect(Buffer.from(first.body).toString()).toBe('as it arrived');
      first.body.fill(0);
      expect(Buffer.from((await found(store, id)).body).toString()).toBe('as it arrived');
    },
  },
  {
    title: 'an unknown id finds nothing',
    run: async ({ store }) => {
      await store.add(deadLetter());
      for (const id of ['', 'nobody', deadLetter().id, 'x'.repeat(5_000), '“ü” \u0000']) {
        expect(await store.find(id)).toBeUndefined();
      }
    },
  },
  {
    title: 'the same message of the same group is kept once, back to failed, under its first id',
    run: async ({ store, clock, pass }) => {
      const first = deadLetter({ attempts: 3, body: Buffer.from('first') });
      const id = await store.add(first);
      await store.transition(id, ['failed'], 'replaying');
      await store.transition(id, ['replaying'], 'replayed');
      await pass(1_000);
      const second = deadLetter({
        messageId: first.messageId,
        attempts: 8,
        reason: 'timeout',
        fingerprint: 'f-2',
        headers: { second: 'yes' },
        body: Buffer.from('second'),
      });
      expect(await store.add(second)).toBe(id);
      const { body, ...rest } = await found(store, id);
      const { body: _, ...given } = second;
      expect(rest).toEqual({
        ...given,
        id,
        status: 'failed',
        replayCount: 1,
        revision: 4,
        bodyBytes: 6,
        updatedAt: clock.now(),
      });
      expect(Buffer.from(body).toString()).toBe('second');
      expect(await store.count({})).toBe(1);
      expect(await store.find(second.id)).toBeUndefined();
    },
  },
  {
    title: 'an archived letter is overwritten as well',
    run: async ({ store }) => {
      const first = deadLetter();
      const id = await store.add(first);
      await store.transition(id, ['failed'], 'archived');
      expect(await store.add(deadLetter({ messageId: first.messageId }))).toBe(id);
      expect((await found(store, id)).status).toBe('failed');
    },
  },
  {
    title: 'a resolved letter does not hinder a new one',
    run: async ({ store }) => {
      const first = deadLetter();
      const id = await store.add(first);
      await store.transition(id, ['failed'], 'resolved');
      const second = deadLetter({ messageId: first.messageId });
      expect(await store.add(second)).toBe(second.id);
      expect(await found(store, second.id)).toMatchObject({ status: 'failed', replayCount: 0, revision: 1 });
      expect((await found(store, id)).status).toBe('resolved');
      expect(await store.add(deadLetter({ messageId: first.messageId }))).toBe(second.id);
      expect(await store.count({})).toBe(2);
    },
  },
  {
    title: 'a removed letter does not hinder a new one',
    run: async ({ store }) => {
      const first = deadLetter();
      const id = await store.add(first);
      expect(await store.discard(id)).toBe(true);
      expect(await store.discard(id)).toBe(false);
      expect(await store.find(id)).toBeUndefined();
      const second = deadLetter({ messageId: first.messageId });
      expect(await store.add(second)).toBe(second.id);
    },
  },
  {
    title: 'topic, group and message id together distinguish letters',
    run: async ({ store }) => {
      const same = { topic: 'a', group: 'b', messageId: 'c' };
      const ids = await addAll(store, [
        deadLetter(same),
        deadLetter({ ...same, topic: 'a2' }),
        deadLetter({ ...same, group: 'b2' }),
        deadLetter({ ...same, messageId: 'c2' }),
        deadLetter({ topic: 'a b', group: 'c', messageId: 'd' }),
        deadLetter({ topic: 'a', group: 'b c', messageId: 'd' }),
        deadLetter({ topic: 'a:b', group: 'c', messageId: 'd' }),
        deadLetter({ topic: 'a', group: 'b:c', messageId: 'd' }),
      ]);
      expect(new Set(ids).size).toBe(8);
      expect(await store.count({})).toBe(8);
    },
  },
  {
    title: 'concurrent adds of one message keep one letter',
    run: async ({ store }) => {
      const { messageId } = deadLetter();
      const ids = await Promise.all(Array.from({ length: 20 }, () => store.add(deadLetter({ messageId }))));
      expect(new Set(ids).size).toBe(1);
      expect(await store.count({})).toBe(1);
      expect((await found(store, ids[0] ?? '')).revision).toBe(20);
    },
  },
];
