import { FAULT_MATRIX, type FaultRow } from '../test/faults/fault-matrix.js';
import { OTHER_FAULTS } from '../test/faults/other-faults.js';
import type { Figures } from '../test/faults/measured.js';

/** Results of full runs of the tests, in `docs/measured.json`. */
export interface MeasuredFile {
  readonly machine: string;
  readonly rows: readonly MeasuredRow[];
  /** By the name of a conformance suite and topic: the reason for skipping each case, empty if it runs. */
  readonly suites: Readonly<Record<string, SuiteCases>>;
}

export interface MeasuredRow extends Pick<FaultRow, 'system' | 'fault'> {
  readonly figures: Figures;
}

export type SuiteCases = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Suites that represent a transport, and the heads of their columns. */
const COLUMNS: Readonly<Record<string, string>> = {
  Memory: 'memory',
  Embedded: 'embedded',
  Redis: 'redis',
  'Redis behind sentinels': 'redis, sentinels',
  'Redis cluster': 'redis, cluster',
  RabbitMQ: 'rabbitmq',
  'RabbitMQ cluster': 'rabbitmq, 3 nodes',
  Kafka: 'kafka',
  'Kafka 4.1.1 cluster': 'kafka, 3 brokers',
  'A spool before failover and balancing over three brokers': 'spool, failover, balancing over all',
};

export function faultTable({ rows, machine }: MeasuredFile): string {
  const head = [
    'what',
    'fault under load',
    'accepted',
    'lost',
    'handled twice',
    'unknown',
    'unavailable',
    'longest gap',
    'recovers after',
    'out of order',
    'memory',
    'health',
    'test',
  ];
  const body = FAULT_MATRIX.map((row) => {
    const found = rows.find((one) => isSame(one, row))?.figures;
    const lost = row.mayLose === 'nothing' ? String(found?.lost) : `${found?.lost} (of ${row.mayLose})`;
    const figures = found ?? NOT_MEASURED;
    const {
      accepted,
      handledTwice,
      unknown,
      unavailable,
      longestGapMs,
      goesOnAfterMs,
      outOfOrder = '',
      memoryGrowthMb,
      health = '',
    } = figures;
    return [
      row.system,
      row.fault,
      accepted,
      lost,
      handledTwice,
      unknown,
      unavailable,
      secondsOf(longestGapMs),
      goesOnAfterMs === undefined ? '' : secondsOf(goesOnAfterMs),
      outOfOrder,
      memoryGrowthMb === undefined ? '' : `${memoryGrowthMb} MB`,
      health,
      testOf(row),
    ];
  });
  return `Measured on one machine: ${machine}.\n\n${tableOf(head, body)}`;
}

export function otherFaultTable(): string {
  const head = ['system', 'fault', 'effect', 'test'];
  const body = OTHER_FAULTS.map((row) => [row.system, row.fault, row.outcome, testOf(row)]);
  return tableOf(head, body);
}

/** Faults whose test does not exist, as sentences. */
export function untested(textOf: (spec: string) => string): string[] {
  return OTHER_FAULTS.filter(({ spec, title }) => !textOf(spec).includes(title)).map(
    ({ system, fault, spec, title }) => `"${system}: ${fault}": there is no "${title}" in test/${spec}.`,
  );
}

/** No link, because the package contains the page and not the test. */
function testOf({ spec }: Pick<FaultRow, 'spec'>): string {
  return `\`test/${spec}\``;
}

function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

const NOT_MEASURED: Figures = {
  accepted: 0,
  lost: 0,
  handledTwice: 0,
  unknown: 0,
  unavailable: 0,
  longestGapMs: 0,
};

export function conformanceTable({ suites }: MeasuredFile): string {
  const columns = Object.keys(COLUMNS).filter((name) => suites[name] !== undefined);
  const topics = [...new Set(columns.flatMap((name) => Object.keys(suites[name] ?? {})))];
  const reasons: string[] = [];
  const cellOf = (cases: Readonly<Record<string, string>> = {}): string => {
    const skipped = Object.values(cases).filter((reason) => reason !== '');
    const run = Object.keys(cases).length - skipped.length;
    const notes = [...new Set(skipped)].map((reason) => {
      if (!reasons.includes(reason)) reasons.push(reason);
      return reasons.indexOf(reason) + 1;
    });
    const text = skipped.length === 0 ? String(run) : `${run} of ${run + skipped.length}`;
    return notes.length === 0 ? text : `${text} (${notes.join(', ')})`;
  };
  const body = topics.map((topic) => [topic, ...columns.map((name) => cellOf(suites[name]?.[topic]))]);
  const table = tableOf(['cases about', ...columns.map((name) => COLUMNS[name] ?? name)], body);
  const notes = reasons.map((reason, index) => `${index + 1}. ${reason}`).join('\n');
  return `${table}\n\nReasons for cases that are not run:\n\n${notes}`;
}

/** Differences between the tests and the measured results, as sentences. */
export function staleness({ rows, suites }: MeasuredFile, titles: readonly string[]): string[] {
  const told = new Set(Object.values(suites).flatMap((topics) => Object.values(topics).flatMap(Object.keys)));
  return [
    ...FAULT_MATRIX.filter((row) => !rows.some((one) => isSame(one, row))).map(
      ({ system, fault }) => `"${system}: ${fault}" was never measured.`,
    ),
    ...rows
      .filter((one) => !FAULT_MATRIX.some((row) => isSame(one, row)))
      .map(({ system, fault }) => `"${system}: ${fault}" is not in the matrix any more.`),
    ...FAULT_MATRIX.flatMap((row) => {
      const lost = rows.find((one) => isSame(one, row))?.figures.lost ?? 0;
      return lost > 0 && row.mayLose === 'nothing' ? [`"${row.system}: ${row.fault}" has lost ${lost}.`] : [];
    }),
    ...Object.keys(COLUMNS).flatMap((name) =>
      suites[name] ? [] : [`The suite "${name}" has not reported its cases.`],
    ),
    ...titles.filter((title) => !told.has(title)).map((title) => `No suite has reported "${title}".`),
    ...[...told]
      .filter((title) => !titles.includes(title))
      .map((title) => `There is no case "${title}" any more.`),
  ];
}

function isSame(one: Pick<FaultRow, 'system' | 'fault'>, other: Pick<FaultRow, 'system' | 'fault'>): boolean {
  return one.system === other.system && one.fault === other.fault;
}

function tableOf(head: readonly string[], body: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}
