import type { MessagingModuleOptions } from '../core/messaging/messaging.options.js';
import type { Transport } from '../core/messaging/ports/transport.js';
import { TransportEventRelay } from '../core/messaging/observing/transport-event-relay.js';
import { MemoryDeadLetterStore } from '../infrastructure/services/memory/memory-dead-letter.store.js';
import { MemoryIdempotencyStore } from '../infrastructure/services/memory/memory-idempotency.store.js';
import { HandlerRuns } from './handler-runs.js';
import { ManualClock } from './manual-clock.js';
import { PublishedMessages } from './published-messages.js';
import { makeTransports, type MadeTransports, type TestTransport } from './test-transports.js';

/** What the harness provides itself. */
type Provided =
  'transports' | 'deadLetters' | 'idempotency' | 'control' | 'transportEvents' | 'clock' | 'problems';

/** Options of `SwitchyardTestingModule.forTest`: those of `MessagingModule` that a test may need. All have defaults. */
export interface SwitchyardTestingOptions extends Partial<Omit<MessagingModuleOptions, Provided>> {
  /** Default consumer group. @default 'test' */
  readonly service?: string;
  /** By name, as in the options of the application. @default one in memory, `main` */
  readonly transports?: Readonly<Record<string, TestTransport>>;
  /** The time at which the test begins. @default the time at which the application is made */
  readonly startAt?: Date;
  /** Time, on the clock of the machine, that handlers get when the application closes. @default 1_000 */
  readonly drainTimeoutMs?: number;
}

/** The parts of one bus in a test. */
export interface TestBus {
  readonly clock: ManualClock;
  readonly published: PublishedMessages;
  readonly runs: HandlerRuns;
  readonly deadLetters: MemoryDeadLetterStore;
  readonly transports: MadeTransports;
  readonly options: MessagingModuleOptions;
}

/** A list of all, so that the compiler asks for a line here when there is another option. */
const NAMES: Readonly<Record<keyof SwitchyardTestingOptions, true>> = {
  ...{ service: true, transports: true, startAt: true, drainTimeoutMs: true, routes: true, drain: true },
  ...{ auditSink: true, deadLetterLimits: true, messages: true, defaults: true, limits: true },
  ...{ observers: true, publishDeadlineMs: true, maxInFlight: true, maxInFlightBytes: true, connect: true },
  maxRequestsInFlight: true,
  ...{ globalEnhancers: true, around: true, beforePublish: true, propagate: true, registerHandlers: true },
  ...{ drainSignal: true, redaction: true },
};

/** Makes the parts, once for each application. Mistakes are among the options, and reported when it starts. */
export async function makeTestBus(options: SwitchyardTestingOptions): Promise<TestBus> {
  return isRecord(options)
    ? makeBus(options, problemsOf(options))
    : makeBus({}, [`The options of forTest are ${JSON.stringify(options)}. Give an object, or nothing.`]);
}

async function makeBus(given: SwitchyardTestingOptions, problems: readonly string[]): Promise<TestBus> {
  const { startAt, transports: described = { main: { kind: 'memory' } }, ...options } = given;
  const clock = new ManualClock(timeOf(startAt) ?? Date.now());
  const events = new TransportEventRelay();
  const transports = await makeTransports(isRecord(described) ? described : {}, { clock, events });
  const published = new PublishedMessages();
  const runs = new HandlerRuns();
  const deadLetters = new MemoryDeadLetterStore({ clock, shared: false });
  const outer = outerOf(transports, options);
  for (const transport of outer) published.watch(transport);
  return {
    ...{ clock, published, runs, deadLetters, transports },
    options: {
      ...{ service: 'test', drainTimeoutMs: 1_000, ...options },
      ...{ transports: outer, deadLetters, transportEvents: events, clock },
      idempotency: new MemoryIdempotencyStore({ clock, shared: false }),
      observers: [runs, ...listOf(options.observers)],
      around: [runs.around, ...listOf(options.around)],
      problems: [...problems, ...transports.problems],
    },
  };
}

/** What JavaScript may give. */
function problemsOf(options: object): string[] {
  const given = options as Readonly<Record<string, unknown>>;
  const { transports, startAt } = given;
  const problems = Object.keys(given)
    .filter((name) => !Object.hasOwn(NAMES, name))
    .map((name) => `forTest has no option ${name}. It has ${Object.keys(NAMES).sort().join(', ')}.`);
  for (const name of ['around', 'observers'] as const)
    if (given[name] !== undefined && !Array.isArray(given[name]))
      problems.push(`Option ${name} of forTest must be a list.`);
  if (startAt !== undefined && timeOf(startAt) === undefined)
    problems.push('Option startAt of forTest must be a valid Date.');
  if (transports !== undefined && !isRecord(transports))
    problems.push("Option transports of forTest must be an object such as { main: { kind: 'memory' } }.");
  return problems;
}

function timeOf(date: unknown): number | undefined {
  const ms = date instanceof Date ? date.getTime() : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Those that are not inside others, or that a route or `drain` names all the same. */
function outerOf(
  { made, inside }: MadeTransports,
  { routes = [], drain = [] }: Pick<SwitchyardTestingOptions, 'routes' | 'drain'>,
): Transport[] {
  const named = new Set([...routes.map(({ transport }) => transport), ...drain]);
  return [...made.values()].filter(({ name }) => !inside.has(name) || named.has(name));
}

/** Without what JavaScript gives in the place of a list. */
function listOf<T>(given: readonly T[] | undefined): readonly T[] {
  return Array.isArray(given) ? (given as readonly T[]) : [];
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
