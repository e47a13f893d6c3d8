/** A process of a proof: the application's modules with handlers and a producer that write down what they see. */
import 'reflect-metadata';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type AppConfig, loadAppConfig } from '../../src/app.config.js';
import {
  DeadLetterService,
  MESSAGING_VIEW,
  MessagingService,
  type MessagingView,
} from '../../src/core/messaging/index.js';
import { isComposite } from '../../src/core/messaging/ports/composite-transport.js';
import { SwitchyardModule } from '../../src/switchyard/switchyard.module.js';
import { seededRandom } from '../support/seeded-random.js';
import { DeadLetterKeeper, ProofHandlers } from './consumers.js';
import { History } from './history.js';
import { Producer } from './producer.js';
import { Keyed, Plain, Strict } from './workload.js';

/** What a worker is to do. The transports come from the environment, as for any application. */
export interface WorkerTask {
  /** Unique among all runs of all workers of a proof. */
  readonly name: string;
  /** Where its history goes. */
  readonly histories: string;
  readonly produces: boolean;
  readonly consumes: boolean;
  readonly perSecond: number;
  readonly seed: number;
}

/** What it tells its parent all the time. */
export interface WorkerState {
  readonly isReady: boolean;
  /** Publishes no more, and nothing is on its way. */
  readonly isDone: boolean;
  readonly spooled: number;
  /** What the brokers hold for the groups that it handles, as far as they last answered. */
  readonly held: number;
  readonly rssBytes: number;
  readonly handles: number;
}

const TELL_MS = 250;
const LOOK_MS = 1_000;
/** Whatever happens, a forgotten worker ends by itself: its parent is gone, or has lost it. */
const LOOSE_END_MS = 5_000;
/** Exit code of a process that something has kept alive after it was closed. */
const LEFT_OPEN = 3;

@Module({})
class ProofModule {
  static forRoot(config: AppConfig, { consumes }: WorkerTask, history: History): DynamicModule {
    const { http: _http, ...settings } = config;
    return {
      module: ProofModule,
      imports: [
        SwitchyardModule.forRoot({
          ...settings,
          messages: [Plain, Keyed, Strict],
          registerHandlers: consumes,
        }),
      ],
      providers: [ProofHandlers, { provide: History, useValue: history }],
    };
  }
}

async function main(task: WorkerTask): Promise<void> {
  mkdirSync(task.histories, { recursive: true });
  const history = new History(join(task.histories, `${task.name}.jsonl`));
  process.on('unhandledRejection', (error) => {
    process.stderr.write(`unhandled rejection: ${String((error as Error | undefined)?.stack)}\n`);
    void history.note({ e: 'x', what: `unhandled rejection in ${task.name}: ${String(error)}` });
  });
  const app = await NestFactory.createApplicationContext(
    ProofModule.forRoot(await loadAppConfig(), task, history),
    {
      abortOnError: false,
      logger: ['error', 'warn'],
    },
  );
  const random = seededRandom(task.seed);
  const producer = new Producer(app.get(MessagingService), history, { ...task, random });
  let isDone = !task.produces;
  const producing = task.produces ? producer.run().then(() => (isDone = true)) : undefined;
  const keeper = new DeadLetterKeeper(app.get(DeadLetterService), history);
  const looking = setInterval(() => void keeper.look().catch(() => undefined), LOOK_MS);
  const view = app.get<MessagingView>(MESSAGING_VIEW);
  let held = 0;
  let isFinishing = false;
  const counting = setInterval(() => {
    if (isFinishing)
      void heldFor(view).then(
        (count) => (held = count),
        () => undefined,
      ); // a broker may be gone just now
  }, LOOK_MS);
  const telling = setInterval(() => process.send?.(stateOf(view, isDone, held)), TELL_MS);

  const end = async (): Promise<void> => {
    producer.end();
    await producing;
    clearInterval(looking);
    clearInterval(counting);
    await app.close();
    clearInterval(telling);
    await history.end();
    process.removeAllListeners('disconnect').disconnect();
    // Everything is closed: what keeps the process alive now has been forgotten.
    setTimeout(() => {
      process.stderr.write(`still open: ${process.getActiveResourcesInfo().join(', ')}\n`);
      process.exit(LEFT_OPEN);
    }, LOOSE_END_MS).unref();
  };
  process.on('message', (order) => {
    if (order !== 'finish') return;
    isFinishing = true;
    producer.end();
  });
  process.once('SIGTERM', () => void end());
  process.once('disconnect', () => setTimeout(() => process.exit(1), LOOSE_END_MS).unref());
}

async function heldFor(view: MessagingView): Promise<number> {
  const backlogs = await Promise.all(
    view
      .subscriptions()
      .flatMap(({ to: { topic, group } }) =>
        view.transports().map((transport) => transport.backlog({ topic, group })),
      ),
  );
  return backlogs.reduce((sum, { ready, inFlight, delayed }) => sum + ready + inFlight + delayed, 0);
}

function stateOf(view: MessagingView, isDone: boolean, held: number): WorkerState {
  const spools = view
    .transports()
    .map((transport) => (isComposite(transport) ? transport.state().spool?.messages : 0));
  return {
    isReady: view.state() === 'running' && view.subscriptions().every(({ state }) => state === 'running'),
    isDone,
    held,
    spooled: spools.reduce<number>((sum, messages) => sum + (messages ?? 0), 0),
    rssBytes: process.memoryUsage.rss(),
    handles: process.getActiveResourcesInfo().length,
  };
}

main(JSON.parse(process.argv[2] ?? '') as WorkerTask).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
