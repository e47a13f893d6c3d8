import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import {
  DeadLetterService,
  defineMessage,
  MessageHandler,
  MessagingService,
  type OperationItem,
  type OperationItems,
  OperationsService,
  PermanentError,
  SwitchyardModule,
  type SwitchyardOptions,
} from '../../src/index.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';

/** What the process works on, as the JSON of its first argument. */
export interface OperationsTask {
  readonly settings: Pick<SwitchyardOptions, 'transports' | 'deadLetters' | 'idempotency' | 'control'>;
  /** Makes so many dead letters first, and an operation that replays them. */
  readonly letters: number;
  readonly ratePerSecond: number;
}

/** Written at once, so that nothing of it is lost with the process. */
const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const task = JSON.parse(process.argv[2] ?? '') as OperationsTask;
const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));
let isBroken = task.letters > 0;

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing', attempts: 5, concurrency: 50 })
  charge({ n }: { n: number }): void {
    if (isBroken) throw new PermanentError('no card');
    say(`handled ${n}`);
  }
}

@Module({
  imports: [SwitchyardModule.forRoot({ service: 'shop', ...task.settings })],
  providers: [Billing],
})
class ShopModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ShopModule, { logger: false });
  say('running');
  if (task.letters > 0) await begin(app.get(MessagingService), app.get(DeadLetterService));
  const operations = app.get(OperationsService);
  const made =
    task.letters > 0
      ? await operations.create({
          kind: 'replay',
          selection: { filter: {} },
          expectedCount: task.letters,
          ratePerSecond: task.ratePerSecond,
          actor: 'ann',
        })
      : undefined;
  if (made) say(`made ${made.id}`);
  setInterval(() => void tell(operations), 500);
}

async function begin(messaging: MessagingService, deadLetters: DeadLetterService): Promise<void> {
  for (let n = 0; n < task.letters; n += 500)
    await messaging.publishMany(
      Placed,
      Array.from({ length: Math.min(500, task.letters - n) }, (_, nth) => ({ n: n + nth })),
    );
  for (let count = 0; count < task.letters;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    count = (await deadLetters.storageNow()).usage?.count ?? 0;
  }
  isBroken = false;
}

/** The state of the newest operation, and the memory that it costs. */
async function tell(operations: OperationsService): Promise<void> {
  const [newest] = await operations.list().catch(() => []);
  const { rss } = process.memoryUsage();
  if (!newest) return;
  const { id, state, counts } = newest;
  const skipped = state === 'completed' ? await skippedOf(operations, id) : [];
  say(`state ${JSON.stringify({ state, counts, rss, skipped })}`);
}

async function skippedOf(operations: OperationsService, id: string): Promise<OperationItem[]> {
  const skipped: OperationItem[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: OperationItems = await operations.items(id, after);
    skipped.push(...page.items.filter(({ result }) => result === 'skipped'));
    after = page.next;
  }
  return skipped;
}

endWithParent();
main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
