import type { RedisServer } from './redis-server.js';

/** A line of CLUSTER NODES. */
export interface ClusterNodeState {
  readonly id: string;
  readonly port: number;
  readonly isReplica: boolean;
  readonly isFailing: boolean;
  /** First and last slot of each range it owns. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** Between which nodes a slot moves. */
export interface SlotRoute {
  readonly from: RedisServer;
  readonly fromId: string;
  readonly to: RedisServer;
  readonly toId: string;
  /** Primaries other than `from`. */
  readonly others: readonly RedisServer[];
}

/** A slot on its way. */
export interface SlotMove {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
  begin(): Promise<void>;
  /** Moves up to `count` keys and resolves with how many it moved. @default all */
  moveKeys(count?: number): Promise<number>;
  /** Tells everybody who owns the slot from now on. Rejects while keys are left behind. */
  finish(): Promise<void>;
}

const KEYS_A_ROUND = 10;
const MIGRATE_TIMEOUT_MS = 4_000;

export function parseClusterNodes(text: string): ClusterNodeState[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id, address, flags, , , , , , ...slots] = line.split(' ') as [
        string,
        string,
        string,
        ...string[],
      ];
      return {
        id,
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        isReplica: flags.includes('slave'),
        isFailing: flags.includes('fail'),
        ranges: slots.filter((slot) => !slot.startsWith('[')).map(parseRange),
      };
    });
}

export function moveOf(slot: number, { from, fromId, to, toId, others }: SlotRoute): SlotMove {
  const migrate = async (keys: readonly string[]): Promise<void> => {
    const login = from.password === undefined ? [] : ['AUTH', from.password];
    await from.command('MIGRATE', to.host, to.port, '', 0, MIGRATE_TIMEOUT_MS, ...login, 'KEYS', ...keys);
  };
  return {
    slot,
    from,
    to,
    async begin() {
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    },
    async moveKeys(count = Number.POSITIVE_INFINITY) {
      let moved = 0;
      for (;;) {
        const wanted = Math.min(KEYS_A_ROUND, count - moved);
        const keys = wanted === 0 ? [] : await from.command('CLUSTER', 'GETKEYSINSLOT', slot, wanted);
        if (!Array.isArray(keys) || keys.length === 0) return moved;
        await migrate(keys.map(String));
        moved += keys.length;
      }
    },
    async finish() {
      const left = await from.command('CLUSTER', 'COUNTKEYSINSLOT', slot);
      if (left !== 0) throw new Error(`${String(left)} keys of slot ${slot} have not been moved.`);
      // The new owner first, so that the old one never points to a node that points back.
      for (const node of new Set([to, from, ...others]))
        await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    },
  };
}

function parseRange(range: string): [number, number] {
  const [first, last = first] = range.split('-').map(Number) as [number, number?];
  return [first, last];
}
