import {
  conformanceTable,
  faultTable,
  type MeasuredFile,
  staleness,
} from '../../scripts/guarantee-tables.js';
import { FAULT_MATRIX } from '../faults/fault-matrix.js';

const figures = { accepted: 10, lost: 0, handledTwice: 1, unknown: 2, unavailable: 3, longestGapMs: 1_234 };
const [first] = FAULT_MATRIX;
const SUITES = [
  'Memory',
  'Embedded',
  'Redis',
  'Redis behind sentinels',
  'Redis cluster',
  'RabbitMQ',
  'RabbitMQ cluster',
  'Kafka',
  'Kafka 4.1.1 cluster',
  'A spool before failover and balancing over three brokers',
];
const cases = { delivering: { a: '', b: 'not here' } };
const measured: MeasuredFile = {
  machine: 'a machine',
  rows: FAULT_MATRIX.map(({ system, fault }) => ({ system, fault, figures })),
  suites: Object.fromEntries(SUITES.map((name) => [name, cases])),
};

it('finds nothing stale when everything was measured', () => {
  expect(staleness(measured, ['a', 'b'])).toEqual([]);
});

it.each<[string, MeasuredFile, string[], string]>([
  [
    'a fault that was not measured',
    { ...measured, rows: measured.rows.slice(1) },
    ['a', 'b'],
    'was never measured',
  ],
  [
    'a fault that is gone',
    { ...measured, rows: [...measured.rows, { system: 'x', fault: 'y', figures }] },
    ['a', 'b'],
    '"x: y" is not in the matrix any more',
  ],
  [
    'a loss where nothing may be lost',
    { ...measured, rows: measured.rows.map((row) => ({ ...row, figures: { ...figures, lost: 7 } })) },
    ['a', 'b'],
    'has lost 7',
  ],
  ['a case that nobody has told of', measured, ['a', 'b', 'c'], 'No suite has reported "c"'],
  ['a case that is gone', measured, ['a'], 'There is no case "b" any more'],
  [
    'a suite that was not run',
    { ...measured, suites: { Memory: cases } },
    ['a', 'b'],
    'The suite "Redis" has not reported',
  ],
])('finds %s', (_, file, titles, problem) => {
  expect(staleness(file, titles).join('\n')).toContain(problem);
});

it('shows each fault with its figures, and each case that is not run with the reason', () => {
  expect(faultTable(measured)).toContain(
    `| ${first?.system} | ${first?.fault} | 10 | 0 | 1 | 2 | 3 | 1.2 s |`,
  );
  expect(faultTable(measured)).toContain(`| \`test/${first?.spec}\` |`);
  expect(conformanceTable(measured)).toContain('| delivering | 1 of 2 (1) |');
  expect(conformanceTable(measured)).toContain('1. not here');
});
