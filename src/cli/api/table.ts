/** Columns by title, each with what it shows of an item. */
export type Columns<T> = Readonly<Record<string, (item: T) => unknown>>;

const MAX_WIDTH = 60;

/** A table for people: a title line, and a line for each item. What is long is cut. */
export function tableOf<T>(items: readonly T[], columns: Columns<T>): string[] {
  const rows = [
    Object.keys(columns),
    ...items.map((item) => Object.values(columns).map((show) => cell(show(item)))),
  ];
  const widths = Object.keys(columns).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  return rows.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Control characters would let the text of an error move the cursor of a terminal. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '-';
  const text = plain(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > MAX_WIDTH ? `${text.slice(0, MAX_WIDTH - 1)}…` : text;
}
