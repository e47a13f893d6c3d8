import * as fs from 'node:fs';
import * as path from 'node:path';
import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import * as yaml from 'yaml';
import { z } from 'zod';
import { defineMessage, MessageHandler, systemClock } from '../../src/core/messaging/index.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { eventually } from '../support/demonstration.js';
import { curlRequests, type DocumentedRequest } from '../support/documented-requests.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer, bootOperations, closeOperations } from '../support/operations-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing', attempts: 1 })
  charge(): void {
    throw new RangeError('no card');
  }
}

const contextOf = (name: string) => ({ name, clock: systemClock, onEvent: () => undefined });

const directory = temporaryDirectory();

/** The transports of docs/using/failover.md, with brokers in memory. */
function spooledMain(): Transport {
  const transport = new FailoverTransport(
    [memoryTransport('work'), memoryTransport('fast')],
    failoverOptionsSchema.parse({}),
    contextOf('brokers'),
  );
  const disk = embeddedOptionsSchema.parse({ directory: directory.path });
  const spool = new EmbeddedTransport(disk, contextOf('disk'));
  return new SpooledTransport({ transport, spool }, spooledOptionsSchema.parse({}), contextOf('main'));
}

const pageOf = (page: string): string => fs.readFileSync(page, 'utf8');
const PAGES = ['operating', 'using'].flatMap((door) =>
  fs.readdirSync(path.join('docs', door)).map((name) => path.posix.join('docs', door, name)),
);
const registry = new Registry();
let url: string;
/** Of one dead letter. */
let found: { readonly id: string; readonly fingerprint: string };

beforeAll(async () => {
  const imports = [
    HealthModule.forRoot({ authorizer }),
    MetricsModule.forRoot({ registry, defaultMetrics: false }),
  ];
  const app = await bootOperations({ providers: [Billing], imports }, { transports: [spooledMain()] });
  url = app.url;
  await app.messaging.publish(Placed, { n: 1 }, { messageId: 'placed-o-1' });
  found = await eventually(async () => (await app.deadLetters.list({}, { limit: 1 })).items[0]);
});
afterAll(async () => {
  await closeOperations();
  directory.remove();
});

describe('requests of the pages', () => {
  const requests = PAGES.filter((page) => page.endsWith('.md')).flatMap((page) =>
    curlRequests(page, pageOf(page)),
  );
  /** Statuses and texts of a request that is wrong in any situation. */
  const WRONG =
    /^(?:400|401|403|405|413|415|422) |nothing at this address|Cannot [A-Z]+ |There is no transport/;

  it('are there', () => expect(requests.length).toBeGreaterThan(15));

  it.each(requests.map((request) => [`${request.page}: ${request.method} ${request.url}`, request] as const))(
    'are correct: %s',
    async (_, request) => {
      const response = await send(request);
      expect(`${response.status} ${await response.text()}`).not.toMatch(WRONG);
    },
  );

  it.each<readonly [string, string]>([
    ['address', 'curl -s -H "x-api-key: $KEY" "$APP/messaging/api/v1/dead-letter"'],
    ['transport', 'curl -s -H "x-api-key: $KEY" "$APP/messaging/api/v1/transports/broker"'],
    ['parameter', 'curl -s -H "x-api-key: $KEY" "$APP/messaging/api/v1/dead-letters?state=failed"'],
    [
      'body',
      `curl -s -H "x-api-key: $KEY" -H 'content-type: application/json' -d '{}' "$APP/messaging/api/v1/operations"`,
    ],
    ['key', 'curl -s "$APP/messaging/api/v1/me"'],
    ['address of the host', 'curl -s "$APP/healthy"'],
  ])('are found to be wrong by their %s', async (_, command) => {
    const [request] = curlRequests('a page', `\`\`\`sh\n${command}\n\`\`\`\n`);
    const response = await send(request!);
    expect(`${response.status} ${await response.text()}`).toMatch(WRONG);
  });

  it('of the table of the admin API exist', async () => {
    const rows = [
      ...pageOf('docs/operating/operations.md').matchAll(/^\| `(GET|POST|PATCH|DELETE) (\/[^`?]*)/gm),
    ];
    expect(rows.length).toBeGreaterThan(12);
    for (const [, method = '', route = ''] of rows) {
      const target = `${url}/messaging/api/v1${route.replace(/\{id\}|:name/g, 'nothing')}`;
      const response = await fetch(target, { method, headers: { 'x-api-key': 'admin' } });
      if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) {
        await response.body?.cancel(); // it has no end
        continue;
      }
      expect([route, await response.text()]).toEqual([
        route,
        expect.not.stringContaining('nothing at this address'),
      ]);
    }
  });

  async function send({ method, url: documented, headers, body }: DocumentedRequest): Promise<Response> {
    const filled = (text: string): string =>
      text
        .replaceAll('$APP', url)
        .replaceAll('$KEY', 'admin')
        .replaceAll('$ID', found.id)
        .replaceAll('$FINGERPRINT', found.fingerprint);
    const entries = Object.entries(headers).map(([name, value]) => [name, filled(value)]);
    return fetch(filled(documented), {
      method,
      headers: Object.fromEntries(entries) as Record<string, string>,
      ...(body !== undefined && { body: filled(body) }),
    });
  }
});

describe('alerts', () => {
  const rules = (
    yaml.parse(pageOf('docs/operating/alert-rules.yaml')) as {
      readonly groups: readonly {
        readonly rules: readonly { readonly alert: string; readonly expr: string }[];
      }[];
    }
  ).groups.flatMap((group) => group.rules);
  const queries = [
    ...rules.map(({ alert, expr }) => [alert, expr] as const),
    ...PAGES.filter((page) => page.endsWith('.md')).flatMap((page) =>
      [...pageOf(page).matchAll(/^ *```promql\n([\s\S]*?)^ *```$/gm)].map(
        ([, query = '']) => [page, query] as const,
      ),
    ),
  ];

  it('are explained, each in one row of the page', () => {
    const rows = [...pageOf('docs/operating/alerts.md').matchAll(/^\| `(\w+)` .*\]\(runbook\.md#[\w-]+\)/gm)];
    expect(rows.map(([, name]) => name).sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });

  it.each(queries)('use metrics and labels that exist: %s', (_, query) => {
    const names = [...new Set([...query.matchAll(/messaging_\w+/g)].map(([name]) => name))];
    expect(names).not.toEqual([]);
    const labels = names.map((name) => [name, labelsOf(name)] as const);
    expect(labels.filter(([, known]) => known === undefined)).toEqual([]);
    for (const label of labelsIn(query))
      for (const [name, known = []] of labels)
        expect([name, label, [...known, ...OF_PROMETHEUS]]).toEqual([
          name,
          label,
          expect.arrayContaining([label]),
        ]);
  });

  it.each(PAGES.filter((page) => page.endsWith('.md')))('and %s name metrics that exist', (page) => {
    const names = [...new Set([...pageOf(page).matchAll(/\bmessaging_\w+/g)].map(([name]) => name))];
    expect(names.filter((name) => labelsOf(name) === undefined)).toEqual([]);
  });

  it('are checked against the metrics of an application', () => {
    expect(labelsOf('messaging_transport_up')).toEqual(['transport', 'system']);
    expect(labelsOf('messaging_process_duration_seconds_count')).toContain('outcome');
    expect(labelsOf('messaging_transports_up')).toBeUndefined();
    expect(labelsIn('sum by (a, b) (x{c="1",d!="2"}) and on (e) y')).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  /** Added by a scrape, or part of every histogram. */
  const OF_PROMETHEUS = ['instance', 'le'];

  function labelsOf(name: string): readonly string[] | undefined {
    const metric =
      registry.getSingleMetric(name) ?? registry.getSingleMetric(name.replace(/_(count|sum|bucket)$/, ''));
    return metric && (metric as unknown as { readonly labelNames: readonly string[] }).labelNames;
  }

  function labelsIn(query: string): readonly string[] {
    const grouped = [...query.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(','),
    );
    const matched = [...query.matchAll(/(\w+)(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label);
    return [...grouped, ...matched].map((label) => label.trim()).sort();
  }
});
