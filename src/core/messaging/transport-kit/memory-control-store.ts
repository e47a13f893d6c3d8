import { systemClock } from '../ports/clock.js';
import type {
  ControlChanges,
  ControlEntry,
  ControlPage,
  ControlPutOptions,
  ControlStore,
  ControlWrite,
} from '../ports/control-store.js';
import type { Clock } from '../ports/transport.js';
import { ControlTable } from './control-table.js';
import { SteadyClock } from './steady-clock.js';

/**
 * Keeps what operators set as long as the process lives, for this process only. The core uses one where it is given no
 * other store.
 */
export class MemoryControlStore implements ControlStore {
  readonly isLocal = true;
  readonly #table: ControlTable;

  constructor({ clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#table = new ControlTable(new SteadyClock(clock));
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async get(key: string): Promise<ControlEntry | undefined> {
    return this.#current().get(key);
  }

  async put(key: string, value: string, options: ControlPutOptions = {}): Promise<ControlWrite> {
    const table = this.#current();
    const step = table.planPut(key, value, options);
    if ('kind' in step) return step;
    table.apply(step);
    return table.written(step);
  }

  async delete(key: string, { ifRevision }: Pick<ControlPutOptions, 'ifRevision'> = {}): Promise<boolean> {
    const table = this.#current();
    const step = table.planRemoval(key, ifRevision);
    if (step) table.apply(step);
    return step !== undefined;
  }

  async list(
    prefix: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<ControlPage> {
    return this.#current().list(prefix, page);
  }

  async changes(prefix: string, since: number): Promise<ControlChanges> {
    return this.#current().changes(prefix, since);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #current(): ControlTable {
    this.#table.expire();
    return this.#table;
  }
}
