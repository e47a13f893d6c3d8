import type {
  DirectoryCheck,
  DirectorySalvage,
} from '../../infrastructure/services/embedded/embedded.maintenance.js';

export type DirectoryReport = DirectoryCheck | DirectorySalvage;

/** Whether nothing is damaged and nothing lost. */
export function isSound({ damage, tables }: DirectoryReport): boolean {
  return damage.length === 0 && tables.every(({ corrupt }) => corrupt === 0);
}

/** The report for people. */
export function linesOf(report: DirectoryReport): string[] {
  const place = 'target' in report ? `${report.directory} > ${report.target}` : report.directory;
  return [
    `${place}: ${isSound(report) ? 'sound' : 'DAMAGED'}`,
    ...report.tables.map((table) => {
      const count = 'kept' in table ? `${table.kept} kept` : `${table.records} records`;
      const leftover =
        'leftover' in table && table.leftover > 0 ? `, ${table.leftover} from unused pages` : '';
      const lost = 'lost' in table && table.lost > 0 ? `, at least ${table.lost} lost` : '';
      return `  ${table.table}: ${count}, ${table.corrupt} corrupt${leftover}${lost}`;
    }),
    ...report.damage.map((what) => `  ! ${what}`),
  ];
}
