import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { seededRandom } from '../support/seeded-random.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 30);
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const POSTERS = 16;
const GROUPS = ['billing', 'inventory', 'notifications'];

interface Journal {
  /** Every order that was sent, with its customer. */
  readonly intended: Map<string, string>;
  /** Those that were answered 201. */
  readonly accepted: Set<string>;
}

const random = seededRandom(SEED);
const data = temporaryDirectory();
afterAll(() => data.remove());

/** Posts orders, one after the other, until the process dies under it. */
async function post(url: string, journal: Journal, round: number, poster: number): Promise<void> {
  for (let sequence = 0; ; sequence++) {
    const draw = random(100);
    const customer = draw < 2 ? 'broken' : draw < 10 ? 'flaky' : 'ada';
    const orderId = `${round}-${poster}-${sequence}`;
    journal.intended.set(orderId, customer);
    try {
      const response = await fetch(`${url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ orderId, customer, total: 1 }),
      });
      if (response.status === 201) journal.accepted.add(orderId);
    } catch {
      return; // killed
    }
  }
}

/** Which groups have handled each order, from the file that the demonstration leaves behind. */
function handledGroups(): Map<string, string[]> {
  const handled = new Map<string, string[]>();
  for (const line of readFileSync(join(data.path, 'ledger.jsonl'), 'utf8').split('\n')) {
    try {
      const entry = JSON.parse(line) as { orderId: string; group: string };
      handled.set(entry.orderId, [...(handled.get(entry.orderId) ?? []), entry.group]);
    } catch {
      continue; // cut in half by a kill
    }
  }
  return handled;
}

/** `order group` of every dead letter. */
async function deadLetters(app: Demonstration): Promise<Set<string>> {
  const parked = new Set<string>();
  let path: string | undefined = '/messaging/api/v1/dead-letters?limit=200';
  while (path !== undefined) {
    const response = await fetch(app.url + path, { headers: { 'x-api-key': app.adminKey } });
    const page = (await response.json()) as {
      items: { key: string; group: string }[];
      page: { nextCursor?: string | null };
    };
    for (const item of page.items) parked.add(`${item.key} ${item.group}`);
    path = page.page.nextCursor
      ? `/messaging/api/v1/dead-letters?limit=200&cursor=${encodeURIComponent(page.page.nextCursor)}`
      : undefined;
  }
  return parked;
}

it(
  `handles every accepted order in every group over ${ROUNDS} kills at random instants (seed ${SEED})`,
  async () => {
    const journal: Journal = { intended: new Map(), accepted: new Set() };
    for (let round = 0; round < ROUNDS; round++) {
      const app = await startDemonstration(data.path);
      const posters = Array.from({ length: POSTERS }, (_, poster) => post(app.url, journal, round, poster));
      await new Promise((resolve) => setTimeout(resolve, 20 + random(700)));
      await app.end('SIGKILL');
      await Promise.all(posters);
    }
    const app = await startDemonstration(data.path);
    // Billing never handles orders of the customer "broken": they end as dead letters, which is not lost.
    const missing = async (): Promise<string[]> => {
      const handled = handledGroups();
      const parked = await deadLetters(app);
      return [...journal.accepted].filter((orderId) => {
        const done = new Set(handled.get(orderId) ?? []);
        return GROUPS.some((group) => !done.has(group) && !parked.has(`${orderId} ${group}`));
      });
    };
    let lost: string[] = [];
    await eventually(async () => ((lost = await missing()).length === 0 ? true : undefined), 60_000).catch(
      () => undefined,
    );
    const handled = handledGroups();
    const runs = [...handled.values()].flat().length;
    const pairs = [...handled.values()].flatMap((groups) => [...new Set(groups)]).length;
    console.info(
      `${ROUNDS} kills: ${journal.accepted.size} orders accepted, ${pairs} (order, group) pairs handled in ${runs} runs, ` +
        `${runs - pairs} repeated, ${lost.length} lost`,
    );
    expect(await app.end('SIGTERM')).toBe(0);
    expect(lost).toEqual([]);
    expect(journal.accepted.size).toBeGreaterThan(ROUNDS);
    expect([...handled.keys()].filter((orderId) => !journal.intended.has(orderId))).toEqual([]);
  },
  ROUNDS * 15_000 + 120_000,
);
