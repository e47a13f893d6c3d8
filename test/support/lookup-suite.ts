import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  type MessagingModuleOptions,
  type Transport,
} from '../../src/core/messaging/index.js';
import { runCommand } from '../../src/cli/run-command.js';
import { documentedFetch } from './documented-answers.js';
import { eventually } from './demonstration.js';
import { temporaryDirectory } from './temporary-directory.js';
import { bootOperations, closeOperations, jsonOf, type OperationsApp } from './operations-app.js';

const Placed = defineMessage('orders.placed', z.object({ what: z.string() }));
const Unheard = defineMessage('orders.unheard', z.object({ what: z.string() }));
const SECRET = 'card 4111-1111';

const held: (() => void)[] = [];

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing', attempts: 2, backoff: { type: 'fixed', delayMs: 60_000 } })
  async bill({ what }: { what: string }): Promise<void> {
    if (what === 'slow') await new Promise<void>((resolve) => held.push(resolve));
    if (what === 'flaky') throw new RangeError('not now');
  }

  @MessageHandler(Placed, { group: 'audit', attempts: 1 })
  audit({ what }: { what: string }): void {
    if (what === 'broken') throw new RangeError('no card');
  }
}

interface Whereabouts {
  readonly state: string;
  readonly detail: string;
  readonly lastSeen?: { readonly what: string };
  readonly groups: readonly { readonly group: string; readonly state: string; readonly detail: string }[];
  readonly sources: readonly {
    readonly source: string;
    readonly status: string;
    readonly errorCode?: string;
  }[];
}

/** "Why is this message not done?", over the stores and a transport of one kind. */
export function describeLookup(
  name: string,
  create: () => Promise<Partial<MessagingModuleOptions> & { transports: readonly Transport[] }>,
): void {
  describe(`Why is this message not done? On ${name}`, () => {
    const boot = async (): Promise<OperationsApp> => bootOperations({ providers: [Billing] }, await create());
    const ask = async (shop: OperationsApp, id: string, query = ''): Promise<Whereabouts> => {
      const address = `${shop.url}/messaging/api/v1/messages/${id}${query}`;
      const response = await documentedFetch(address, { headers: { authorization: 'Bearer viewer' } });
      expect(response.status).toBe(200);
      return (await jsonOf(response)) as Whereabouts;
    };
    const until = (shop: OperationsApp, id: string, state: string): Promise<Whereabouts> =>
      eventually(async () => {
        const found = await ask(shop, id);
        return found.state === state ? found : undefined;
      });
    const place = async (shop: OperationsApp, what: string): Promise<string> =>
      (await shop.messaging.publish(Placed, { what })).messageId;
    const statesOf = ({ groups }: Whereabouts): Record<string, string> =>
      Object.fromEntries(groups.map(({ group, state }) => [group, state]));
    afterEach(async () => {
      for (const end of held.splice(0)) end();
      await closeOperations();
    });

    it('says what each group has done with it, and what waits for what', async () => {
      const shop = await boot();
      const done = await until(shop, await place(shop, 'fine'), 'handled');
      expect(statesOf(done)).toEqual({ billing: 'handled', audit: 'handled' });
      expect(done.lastSeen?.what).toBe('handled');

      const running = await until(shop, await place(shop, 'slow'), 'running');
      expect(running.detail).toMatch(/^Billing\.bill has it since \S+, in this process, with attempt 1\.$/);

      const retrying = await until(shop, await place(shop, 'flaky'), 'retrying');
      expect(statesOf(retrying)).toEqual({ billing: 'retrying', audit: 'handled' });
      expect(retrying.detail).toContain('failed with RangeError in attempt 1');
    });

    it('finds its dead letter, and what has become of that', async () => {
      const shop = await boot();
      const id = await place(shop, 'broken');
      const parked = await until(shop, id, 'dead-letter');
      expect(statesOf(parked)).toEqual({ billing: 'handled', audit: 'dead-letter' });
      expect(JSON.stringify(parked)).not.toContain('broken');
      const letter = (await shop.deadLetters.list({ messageId: id }, { limit: 1 })).items[0]!;
      expect(parked.detail).toContain(`the dead letter ${letter.id} of "audit"`);
      await shop.deadLetters.archive(letter.id, { actor: 'a' });
      expect(statesOf(await ask(shop, id))).toEqual({ billing: 'handled', audit: 'archived' });
      await shop.deadLetters.discard(letter.id, { actor: 'a' });
      const gone = await ask(shop, id);
      expect(gone.groups.find(({ group }) => group === 'audit')?.detail).toContain('it was discarded');
    });

    it('says that a paused group takes nothing, and that messages wait for it', async () => {
      const shop = await boot();
      const pausing = await fetch(`${shop.url}/messaging/api/v1/subscriptions/orders.placed/billing`, {
        method: 'PATCH',
        headers: { authorization: 'Bearer operator', 'content-type': 'application/json' },
        body: JSON.stringify({ paused: true, reason: 'INC-7' }),
      });
      expect(pausing.status).toBe(200);
      const waiting = await until(shop, await place(shop, SECRET), 'perhaps-waiting');
      expect(waiting.detail).toMatch(/messages wait for "billing".*paused by operator until .*\(INC-7\)/);
      expect(JSON.stringify(waiting)).not.toContain(SECRET);
    });

    it('says what it cannot know: another process, no handler, no such message, bad input', async () => {
      const shop = await boot();
      const unknown = await ask(shop, 'never-published');
      expect(unknown).toMatchObject({ state: 'unknown' });
      expect(unknown.detail).toContain('Name its topic');
      const named = await ask(shop, 'never-published', '?topic=orders.placed');
      expect(statesOf(named)).toEqual({ billing: 'not-waiting', audit: 'not-waiting' });
      const { messageId } = await shop.messaging.publish(Unheard, { what: 'x' });
      expect((await ask(shop, messageId)).detail).toContain('No group of "orders.unheard" is known here');
      const refused = await documentedFetch(`${shop.url}/messaging/api/v1/messages/x?topic=a%20b`, {
        headers: { authorization: 'Bearer viewer' },
      });
      expect(refused.status).toBe(422);
    });

    it('is a command, for people and for scripts', async () => {
      const shop = await boot();
      const id = await place(shop, 'broken');
      await until(shop, id, 'dead-letter');
      const { path, remove } = temporaryDirectory();
      const key = join(path, 'key');
      writeFileSync(key, 'viewer');
      const why = async (...args: string[]): Promise<{ exit: number; said: string }> => {
        let said = '';
        const access = ['--url', `${shop.url}/messaging`, '--key-file', key];
        const out = (text: string): void => void (said += `${text}\n`);
        return { exit: await runCommand(['why', ...args, ...access], { out, err: out }), said };
      };
      const shown = await why(id);
      expect(shown.exit).toBe(0);
      expect(shown.said.split('\n')[0]).toMatch(/^It is the dead letter \S+ of "audit" since /);
      expect(shown.said).toMatch(/^AT +WHAT +TOPIC +GROUP/m);
      expect(shown.said).toMatch(/^orders\.placed +audit +dead-letter /m);
      expect(shown.said).toContain('Cannot be known on main');
      const json = await why(id, '--json');
      expect(JSON.parse(json.said)).toMatchObject({ id, state: 'dead-letter' });
      expect((await why()).exit).toBe(2);
      expect((await why(id, 'another')).exit).toBe(2);
      expect((await why(id, '--topic', 'a b')).exit).toBe(3);
      remove();
    });
  });
}
