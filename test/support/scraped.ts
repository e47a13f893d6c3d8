/** Value of the one series of `name` that has these labels, in the text format of Prometheus. Throws unless it is one. */
export function read(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const found = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => new RegExp(`[{,]${escape(label)}[,}]`).test(line)));
  if (found.length !== 1) {
    throw new Error(`${found.length} series of ${name} have ${wanted.join(',')}:\n${found.join('\n')}`);
  }
  return Number(found[0]?.split(' ').at(-1));
}

/** Names of the metrics in the text that have at least one series. */
export function metricNames(text: string): string[] {
  return [...new Set(text.split('\n').flatMap((line) => /^([a-z_]+)[{ ]/.exec(line)?.[1] ?? []))];
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
