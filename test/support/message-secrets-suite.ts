import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { runCommand } from '../../src/cli/run-command.js';
import {
  defineMessage,
  MessageHandler,
  type MessagingEvent,
  type MessagingModuleOptions,
  PermanentError,
  type Transport,
} from '../../src/core/messaging/index.js';
import { CONTROLLERS } from '../../src/infrastructure/services/admin/admin.module.js';
import { openApiDocument } from '../../src/infrastructure/services/admin/openapi/openapi-document.js';
import { MESSAGING_OPTIONS } from '../../src/core/messaging/messaging.tokens.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { eventually } from './demonstration.js';
import { authorizer, bootOperations, closeOperations, jsonOf, type OperationsApp } from './operations-app.js';
import { temporaryDirectory } from './temporary-directory.js';

/** One for each place, so that a failure names it. None may be shown. */
const PLANTED = {
  field: 'S3CR3T-field-4f1c9d',
  path: 'S3CR3T-path-4f1c9d',
  header: 'S3CR3T-header-4f1c9d',
  key: 'S3CR3T-key-4f1c9d',
  error: 'S3CR3T-error-4f1c9d',
  invalid: 'S3CR3T-invalid-4f1c9d',
  unreadable: 'S3CR3T-unreadable-4f1c9d',
} as const;

const Placed = defineMessage(
  'orders.placed',
  z.object({ password: z.string(), customer: z.object({ email: z.string() }), kind: z.enum(['a', 'b']) }),
);

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing', attempts: 1 })
  bill({ password, customer }: { password: string; customer: { email: string } }): void {
    const header = PLANTED.header;
    const said = `${password} of ${customer.email} with ${header} and ${PLANTED.key}: apiKey=${PLANTED.error}`;
    throw new PermanentError(`${said}, body {"token":"${PLANTED.error}"}`);
  }
}

const document = openApiDocument(CONTROLLERS, '/messaging') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};
/** Every address of the API that is read, but for the bytes of a payload. */
const READ = Object.entries(document.paths)
  .filter(([path, methods]) => 'get' in methods && !path.endsWith('/payload'))
  .map(([path]) => path);
const EVENTS_MS = 1_000;

/** What the secrets are searched for in, by where it was seen. */
type Seen = Map<string, string>;

function shownIn(seen: Seen): string[] {
  return [...seen].flatMap(([where, text]) =>
    Object.values(PLANTED)
      .filter((secret) => text.includes(secret))
      .map(
        (secret) =>
          `${where} shows ${secret}: ${text.slice(Math.max(0, text.indexOf(secret) - 120)).slice(0, 240)}`,
      ),
  );
}

/** An answer, or the beginning of one that does not end, as that of events. */
async function read(address: string, key: string): Promise<string> {
  const end = new AbortController();
  const response = await fetch(address, { headers: { authorization: `Bearer ${key}` }, signal: end.signal });
  let text = `${response.status}\n`;
  const timer = setTimeout(() => end.abort(), EVENTS_MS);
  try {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString('utf8');
  } catch {
    // It was ended.
  } finally {
    clearTimeout(timer);
  }
  return text;
}

interface Letter {
  readonly id: string;
  readonly messageId: string;
}

/** Each address once, and those of one letter or message for each letter. */
function addressesOf(letters: readonly Letter[]): ReadonlySet<string> {
  const addresses = READ.flatMap((template) =>
    letters.map(({ id, messageId }) =>
      template
        .replace('{id}', template.includes('/messages/') ? messageId : id)
        .replace('{topic}', 'orders.placed')
        .replace('{group}', 'billing')
        .replace('{name}', 'main'),
    ),
  );
  return new Set(addresses);
}

async function runCommands(url: string, keyFile: string, messageId: string, seen: Seen): Promise<void> {
  writeFileSync(keyFile, 'admin');
  const access = ['--url', `${url}/messaging`, '--key-file', keyFile];
  for (const command of [['dead-letters'], ['dead-letter-groups'], ['why', messageId]])
    for (const form of [[], ['--json']]) {
      let said = '';
      const out = (text: string): void => void (said += `${text}\n`);
      expect(await runCommand([...command, ...form, ...access], { out, err: out })).toBe(0);
      seen.set(`switchyard ${[...command, ...form].join(' ')}`, said);
    }
}

/** Plants a secret in each part of a message, and looks for it in everything that operators see. */
export function describeMessageSecrets(
  name: string,
  create: () => Promise<Partial<MessagingModuleOptions> & { transports: readonly Transport[] }>,
): void {
  describe(`Secrets in messages, on ${name}`, () => {
    const data = temporaryDirectory();
    afterAll(() => data.remove());
    afterEach(closeOperations, 60_000);

    async function boot(logs: unknown[], events: MessagingEvent[]): Promise<OperationsApp> {
      const take = (...all: unknown[]): void => void logs.push(...all);
      const logger = { log: take, warn: take, error: take, debug: take, verbose: take, fatal: take };
      const options = {
        ...(await create()),
        redaction: {
          rules: [
            { path: 'customer.email', action: 'mask' as const },
            { messageKey: true, action: 'replace' as const },
          ],
        },
        observers: [{ on: (event: MessagingEvent) => void events.push(event) }],
      };
      const admin = { authorizer, allowPayload: true, allowMaskedPayload: true };
      return bootOperations(
        { providers: [Billing], imports: [await MetricsModule.forRoot()] },
        options,
        admin,
        (app: INestApplication) => app.useLogger(logger),
      );
    }

    async function plant({ messaging }: OperationsApp, transport: Transport): Promise<void> {
      const customer = { email: PLANTED.path };
      const headers = { 'x-api-token': PLANTED.header };
      const payload = { password: PLANTED.field, customer, kind: 'a' as const };
      await messaging.publish(Placed, payload, { key: PLANTED.key, headers });
      const own = {
        'ce-type': 'orders.placed',
        'ce-source': 'test',
        'ce-specversion': '1.0',
        'content-type': 'application/json',
      };
      const raw = (body: string) => ({
        id: randomUUID(),
        headers: own,
        body: Buffer.from(body),
      });
      const invalid = JSON.stringify({ password: 'x', customer, kind: 'c', secret: PLANTED.invalid });
      const unreadable = `{"password":"x", ${PLANTED.unreadable}`;
      const sent = await transport.publish({ topic: 'orders.placed' }, [raw(invalid), raw(unreadable)], {
        deadlineMs: 10_000,
      });
      expect(sent.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
    }

    it('are shown to no caller without payload:read, in no log, event, metric or command', async () => {
      const logs: unknown[] = [];
      const events: MessagingEvent[] = [];
      const shop = await boot(logs, events);
      const api = `${shop.url}/messaging/api/v1`;
      const transport = shop.app.get<MessagingModuleOptions>(MESSAGING_OPTIONS).transports[0];
      if (!transport) throw new Error('There is no transport.');
      await plant(shop, transport);
      const letters = await eventually(async () => {
        const found = await jsonOf(
          await fetch(`${api}/dead-letters`, { headers: { authorization: 'Bearer viewer' } }),
        );
        return found.items.length === 3 ? (found.items as Letter[]) : undefined;
      }, 60_000);

      const seen: Seen = new Map();
      for (const caller of ['viewer', 'operator', 'admin'])
        for (const path of addressesOf(letters))
          seen.set(`${caller} GET ${path}`, await read(`${shop.url}/messaging${path}`, caller));
      seen.set('metrics', await read(`${shop.url}/metrics`, 'viewer'));
      seen.set('logs', logs.map((line) => `${String(line)} ${inspect(line, { depth: 9 })}`).join('\n'));
      // The error itself is for code of the application; what is written of an event is not.
      seen.set('events', JSON.stringify(events));
      await runCommands(shop.url, join(data.path, 'key'), letters[0]?.messageId ?? '', seen);
      expect(shownIn(seen)).toEqual([]);

      // What was looked at had something to hide, and shows the rest.
      expect(seen.get('logs')).toContain('message-failed');
      const details = [...seen].filter(([where]) =>
        /^viewer GET \/api\/v1\/dead-letters\/[\w-]+$/.test(where),
      );
      const all = details.map(([, text]) => text).join('\n');
      expect(all).toContain('\\"password\\":\\"***\\"');
      expect(all).toContain('"hiddenBecause":"unreadable"');
      const raw = await Promise.all(letters.map(({ id }) => read(`${api}/dead-letters/${id}`, 'reader')));
      const places = ['field', 'path', 'header', 'key', 'invalid', 'unreadable'] as const;
      expect(places.filter((place) => !raw.join('\n').includes(PLANTED[place]))).toEqual([]);
    }, 120_000);
  });
}
