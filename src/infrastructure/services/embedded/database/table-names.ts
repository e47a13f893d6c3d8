/** The tables of each kind of directory: of the transport, of the dead letter store, of the idempotency store and of the control store. */
export const TABLES = {
  transport: ['catalog', 'log', 'due'],
  deadLetters: ['letters', 'details', 'bodies', 'stock', 'places'],
  idempotency: ['done', 'expiry'],
  control: ['control'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export const ALL_TABLES: readonly string[] = Object.values(TABLES).flat();

/** The name that it was before one bit of it, or of the zero behind it, was turned; nothing when it is no such name. */
export function rightTableName(name: string): string | undefined {
  const found = Buffer.from(name, 'latin1');
  return ALL_TABLES.find((one) =>
    [one, `${one}\0`].some((right) => bitsBetween(Buffer.from(right), found) === 1),
  );
}

function bitsBetween(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) return Infinity;
  return one.reduce((sum, byte, nth) => sum + onesIn(byte ^ (other[nth] ?? 0)), 0);
}

function onesIn(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length;
}
