/** The tables of each kind of directory: of the transport, of the dead letter store and of the idempotency store. */
export const TABLES = {
  transport: ['catalog', 'log', 'due'],
  deadLetters: ['letters', 'details', 'bodies', 'stock', 'places'],
  idempotency: ['done', 'expiry'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export const ALL_TABLES: readonly string[] = Object.values(TABLES).flat();

/** The name itself, or the one that it was before one bit of it was turned; nothing when it is neither. */
export function rightTableName(name: string): string | undefined {
  if (ALL_TABLES.includes(name)) return name;
  return ALL_TABLES.find((one) => bitsBetween(Buffer.from(one), Buffer.from(name, 'latin1')) === 1);
}

function bitsBetween(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) return Infinity;
  return one.reduce((sum, byte, nth) => sum + onesIn(byte ^ (other[nth] ?? 0)), 0);
}

function onesIn(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length;
}
