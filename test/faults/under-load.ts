import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Backlog, Transport } from '../../src/core/messaging/ports/transport.js';
import { waitUntil, waitWhileMoving } from '../support/brokers/wait-until.js';
import { Load, type LoadResult } from '../support/transport-load.js';
import type { FaultRow } from './fault-matrix.js';
import { reportLoad } from './measured.js';
import { closeAll, healthTold } from './transport-bench.js';

/** The promise: half a minute after all is well again everything goes on. */
const GOES_ON_MS = 30_000;
/** Without a message, when there are some: then they are stuck or lost, and not late. */
const STUCK_MS = 30_000;
/** What shows that publishing goes on. */
const MORE = 300;

/** A fault, and what has the load meanwhile. */
export interface UnderLoad<T extends { readonly transport: Transport }> {
  readonly row: FaultRow;
  /** Called twice: who publishes and who consumes have one each, unless both times give the same. */
  readonly connected: () => Promise<T>;
  /** From the beginning of the fault until all is well again. */
  readonly happen: (load: Load, publishing: T) => Promise<unknown>;
  /** Of load before the fault. @default 1000 */
  readonly beforeMs?: number;
  /** False where the order of keys is not promised. @default true */
  readonly isKeyed?: boolean;
  /** @default 2000 */
  readonly deadlineMs?: number;
  /** That publish side by side. @default 4 */
  readonly lanes?: number;
  /** What the brokers know, for an error: it cannot be looked at any more when the test has ended. */
  readonly explain?: () => Promise<string>;
  /** Of this row alone, for people. */
  readonly more?: () => string;
}

/**
 * Lets something happen under load and waits until everything has gone on by itself. Fails for what was lost beyond what the
 * row allows, for keys out of order, for health that stays down and for what is left open; keeps the figures of the row.
 */
export async function underLoad<T extends { readonly transport: Transport }>(
  fault: UnderLoad<T>,
): Promise<LoadResult> {
  const { row, isKeyed = true, deadlineMs = 2_000, lanes = 4 } = fault;
  const resources = openResources();
  const publishing = await fault.connected();
  const load = new Load(publishing.transport, { isKeyed, deadlineMs, lanes });
  const consuming = (await fault.connected()).transport;
  await load.consume(consuming);
  load.start();
  try {
    await waitUntil('the load runs', async () => load.acceptedCount > MORE);
    await wait(fault.beforeMs ?? 1_000);
    await fault.happen(load, publishing);
    load.healed();
    await goesOn(load, { ...fault, timeoutMs: GOES_ON_MS });
  } finally {
    await load.end();
  }
  const held = await allHandled(load, row, consuming);
  const result = await load.end(); // with the order of what came last
  await waitUntil('all say that they are up', async () => healthTold() !== 'down');
  reportLoad(row, result, load.missing, fault.more?.());
  if (row.mayLose === 'nothing' && load.missing.length > 0) throw notHandled(load.missing, held);
  expect(result.standstillMachineMs).toBeLessThan(GOES_ON_MS);
  if (isKeyed) expect(result.outOfOrder).toBe(0);
  await closeAll();
  await waitUntil('nothing is left open', async () => openResources() <= resources).catch(
    (cause: unknown) => {
      throw new Error(`There were ${resources} sockets and timers before, and are now: ${whatIsOpen()}.`, {
        cause,
      });
    },
  );
  return result;
}

/** Resolves once more is accepted; rejects with what there is to know. */
export async function goesOn(
  load: Load,
  { explain, timeoutMs }: { readonly explain?: () => Promise<string>; readonly timeoutMs?: number } = {},
): Promise<void> {
  const before = load.acceptedCount;
  const isMore = async (): Promise<boolean> => load.acceptedCount > before + MORE;
  await waitUntil('publishing goes on', isMore, timeoutMs).catch(async (cause: unknown) => {
    const text =
      `Publishing does not resume. The last failure: ${load.lastFailure}. ` +
      `Of what was accepted, ${load.inFlightCount} messages are not handled; lanes with too many of them wait.`;
    throw new Error(explain === undefined ? text : `${text}\n${await explain()}`, { cause });
  });
}

/**
 * Waits as long as messages come: how many there are and how quick the machine is decide how long that takes. Resolves with what the broker holds in
 * the end, which tells what is stuck from what is lost.
 */
async function allHandled(load: Load, { mayLose }: FaultRow, consuming: Transport): Promise<Backlog> {
  const held = (): Promise<Backlog> => consuming.backlog({ topic: load.topic, group: 'g' });
  const isDone = async (): Promise<boolean> => {
    if (load.missing.length === 0) return true;
    return mayLose !== 'nothing' && sumOf(await held()) === 0;
  };
  const handled = (): number => load.handledCount;
  await waitWhileMoving('what was accepted is handled', isDone, handled, STUCK_MS).catch(() => undefined);
  return held();
}

const sumOf = ({ ready, inFlight, delayed }: Backlog): number => ready + inFlight + delayed;

/** What to say of messages that were not handled: those that the broker still has are stuck, and only others can be lost. */
export function notHandled(missing: readonly string[], held: Backlog): Error {
  const { ready, inFlight, delayed } = held;
  const lost = Math.max(0, missing.length - sumOf(held));
  return new Error(
    `${missing.length} accepted messages were not handled, and nothing has come for ${STUCK_MS} ms. The broker holds ` +
      `${sumOf(held)} (${ready} ready, ${inFlight} in flight, ${delayed} delayed): at least ${lost} are lost, the others are stuck. ` +
      `Among them: ${missing.slice(0, 10).join(', ')}.`,
  );
}

/** Sockets and timers of this process that keep it alive. */
function openResources(): number {
  return openKinds().length;
}

function openKinds(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind));
}

/** With the other ends of the sockets, as far as Node tells. */
function whatIsOpen(): string {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles?: () => object[] };
  const ends = (handles?.call(process) ?? []).flatMap((handle) =>
    handle instanceof Socket && handle.remotePort !== undefined ? [`to port ${handle.remotePort}`] : [],
  );
  return [...openKinds(), ...ends].join(', ');
}
