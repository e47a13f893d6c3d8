const DURATIONS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const QUANTITY = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]*)$/;

/** Milliseconds of `500ms`, `30s`, `5m`, `2h`, `7d` or a bare number; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATIONS, 'ms');
}

/** Bytes of `512MiB`, `64KiB`, `1GB`, `10B` or a bare number; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZES, 'b');
}

function parseQuantity(
  text: string,
  units: Readonly<Record<string, number>>,
  bare: string,
): number | undefined {
  const [, amount, unit] = QUANTITY.exec(text.trim()) ?? [];
  const factor = units[unit?.toLowerCase() || bare];
  return amount === undefined || factor === undefined ? undefined : Math.round(Number(amount) * factor);
}

/** The shortest way to write a number of milliseconds, as {@link parseDuration} reads it. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, ['d', 'h', 'm', 's', 'ms'], DURATIONS);
}

/** The shortest way to write a number of bytes, as {@link parseSize} reads it. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, ['TiB', 'GiB', 'MiB', 'KiB', 'B'], SIZES);
}

function formatQuantity(
  value: number,
  names: readonly string[],
  units: Readonly<Record<string, number>>,
): string {
  const unit = names.find((name) => {
    const factor = units[name.toLowerCase()] ?? 1;
    return value >= factor && value % factor === 0;
  });
  return unit === undefined ? String(value) : `${value / (units[unit.toLowerCase()] ?? 1)}${unit}`;
}
