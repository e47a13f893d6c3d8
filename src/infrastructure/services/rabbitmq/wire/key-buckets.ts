/**
 * Keys hash to a fixed number of buckets, and a group with order by key spreads the buckets over its queues. So publishers need
 * not know how many queues a group has.
 */
const BUCKETS = 64;

const ROUTING_KEYS = Array.from({ length: BUCKETS }, (_, bucket) => `k${bucket}`);
let turn = 0;

/** Routing key of a message: the same for the same key. Messages without a key are spread round-robin. */
export function routingKeyOf(key: string | undefined): string {
  return ROUTING_KEYS[bucketOf(key)] ?? '';
}

/** The partition of a key. */
export function partitionOf(key: string | undefined, partitions: number): number {
  return bucketOf(key) % partitions;
}

/** Routing keys that a partition is bound with. */
export function routingKeysOf(partition: number, partitions: number): readonly string[] {
  return ROUTING_KEYS.filter((_, bucket) => bucket % partitions === partition);
}

function bucketOf(key: string | undefined): number {
  if (key === undefined) return (turn = (turn + 1) % BUCKETS);
  // FNV-1a, 32 bits, by Fowler, Noll and Vo: every process must agree, and no secret is protected by it.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) % BUCKETS;
}
