import { carriesReplies, type Inbox, type Replies } from '../../../core/messaging/ports/replies.js';
import type { Transport, WireMessage } from '../../../core/messaging/ports/transport.js';
import { type Bench, type Case, message, messages, sleep, QUIET_MS, unique } from '../bench.js';

const SOON = { deadlineMs: 5_000 };

interface OpenInbox {
  readonly inbox: Inbox;
  readonly replies: WireMessage[];
}

function answeringOf(transport: Transport): Transport & Replies {
  if (!carriesReplies(transport)) throw new Error('The option replies is set, and it carries none.');
  return transport;
}

async function open(transport: Transport): Promise<OpenInbox> {
  const replies: WireMessage[] = [];
  const inbox = await answeringOf(transport).openInbox((reply) => replies.push(reply));
  return { inbox, replies };
}

async function expectReply({ until }: Bench, from: Transport, { inbox, replies }: OpenInbox): Promise<void> {
  const reply = message();
  const answered = answeringOf(from);
  await until(async () => {
    const { address } = inbox;
    return address !== '' && (await answered.reply(address, reply, SOON)).kind === 'accepted';
  });
  await until(() => replies.some(({ id }) => id === reply.id));
}

/** About the optional ability to carry replies. */
export const answering: readonly Case[] = [
  {
    title: 'carries a reply as it was sent to the inbox with its address',
    needs: 'replies',
    run: async ({ transport, expect, until }) => {
      const { inbox, replies } = await open(transport);
      const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const headers = { 'content-type': 'application/json', 'x-swy-request-id': 'r', 'x-swy-reply': 'ok' };
      const sent = message({ headers, body });
      const outcome = await answeringOf(transport).reply(inbox.address, sent, SOON);
      expect(outcome.kind).toBe('accepted');
      await until(() => replies.length > 0);
      const [reply] = replies;
      expect({ id: reply?.id, headers: { ...reply?.headers } }).toEqual({ id: sent.id, headers });
      expect(Buffer.from(reply?.body ?? '').equals(body)).toBe(true);
      await inbox.close();
    },
  },
  {
    title: 'keeps the inboxes of a transport apart',
    needs: 'replies',
    run: async ({ transport, expect, until }) => {
      const inboxes = await Promise.all([open(transport), open(transport)]);
      const sent = inboxes.map(() => messages(50));
      await Promise.all(
        inboxes.flatMap(({ inbox }, nth) =>
          (sent[nth] ?? []).map((one) => answeringOf(transport).reply(inbox.address, one, SOON)),
        ),
      );
      await until(() => inboxes.every(({ replies }) => replies.length >= 50));
      const idsOf = (some: readonly WireMessage[] = []): string[] => some.map(({ id }) => id).sort();
      expect(inboxes.map(({ replies }) => idsOf(replies))).toEqual(sent.map(idsOf));
    },
  },
  {
    title: 'refuses a reply to an inbox that is closed, and to what is none',
    needs: 'replies',
    run: async ({ transport, expect }) => {
      const { inbox, replies } = await open(transport);
      const { address } = inbox;
      await inbox.close();
      for (const to of [address, 'a:b:c', '', 'no address', address.replace(/[^:]+$/, 'ping')])
        expect((await answeringOf(transport).reply(to, message(), SOON)).kind).toBe('refused');
      expect(replies).toEqual([]);
    },
  },
  {
    title: 'refuses a reply that is too large, and carries one of 1 MiB',
    needs: 'replies',
    run: async ({ transport, options, expect, until }) => {
      const { inbox, replies } = await open(transport);
      const answer = (bytes: number): Promise<string> =>
        answeringOf(transport)
          .reply(inbox.address, message({ body: new Uint8Array(bytes) }), SOON)
          .then(({ kind }) => kind);
      expect(await answer(2 ** 20)).toBe('accepted');
      await until(() => replies.length > 0);
      if (options.repliesStayInProcess !== true) expect(await answer(options.tooLargeBytes)).toBe('refused');
    },
  },
  {
    title: 'knows whether a group has subscribed to a topic',
    needs: 'replies',
    run: async ({ transport, expect, collect }) => {
      const topic = unique();
      expect(await answeringOf(transport).isSubscribed(topic)).toBe(false);
      const { consumer } = await collect(transport, { topic, group: 'g' });
      expect(await answeringOf(transport).isSubscribed(topic)).toBe(true);
      await consumer.stop();
      expect(await answeringOf(transport).isSubscribed(topic)).toBe(true);
    },
  },
  {
    title: 'carries a reply from another process',
    needs: ['replies', 'beside'],
    run: async (bench) => {
      const { transport, options } = bench;
      const other = await options.beside?.(transport, { onEvent: () => undefined });
      try {
        await expectReply(bench, other ?? transport, await open(transport));
      } finally {
        await other?.close();
      }
    },
  },
  {
    title: 'keeps an inbox open through an outage',
    needs: ['replies', 'outage'],
    run: async (bench) => {
      const { transport, kill, restore, expect } = bench;
      const inbox = await open(transport);
      await expectReply(bench, transport, inbox);
      await kill();
      const began = bench.now();
      const outcome = await answeringOf(transport).reply(inbox.inbox.address, message(), { deadlineMs: 500 });
      expect(['unavailable', 'unknown', 'refused']).toContain(outcome.kind);
      expect(bench.now() - began).toBeLessThan(5_000);
      await restore();
      await expectReply(bench, transport, inbox);
    },
  },
  {
    title: 'closes with an inbox open, and refuses replies then',
    needs: 'replies',
    run: async ({ transport, expect }) => {
      const { inbox, replies } = await open(transport);
      const { address } = inbox;
      await transport.close();
      const outcome = await answeringOf(transport).reply(address, message(), SOON);
      expect(['unavailable', 'refused']).toContain(outcome.kind);
      await sleep(QUIET_MS);
      expect(replies).toEqual([]);
    },
  },
];
