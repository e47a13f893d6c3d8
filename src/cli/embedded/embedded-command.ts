import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  assertEmpty,
  checkDirectory,
  copyDirectory,
  directoriesIn,
  type OnProgress,
  salvageDirectory,
} from '../../infrastructure/services/embedded/embedded.maintenance.js';
import { type CommandGroup, EXIT, type ExitCode, type Terminal, UsageError } from '../command.js';
import { progressOn } from './progress-lines.js';
import { linesOf, type DirectoryReport, isSound } from './reports.js';

const USAGE = `Usage:
  switchyard embedded check <directory> [--json]
      Reads every record and changes nothing. The application must be stopped.
  switchyard embedded salvage <directory> <new directory> [--json]
      Writes what can be read to a new directory and names what is lost. The application must be stopped.
  switchyard embedded copy <directory> <new directory> [--json]
      Copies a directory as it is at one instant and checks the copy. The application may run.

  <directory> is that of an embedded transport or store. Those below it are included, each on its own.
  --json writes the result as one JSON object to standard output. Progress goes to standard error.

Exit codes: 0 all is as it was written, 1 something is damaged or lost, 2 wrong usage, 3 it could not be done.`;

type Work = (source: string, target: string, onProgress: OnProgress) => Promise<DirectoryReport>;

interface Command {
  readonly takes: readonly string[];
  readonly work: Work;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  check: { takes: ['a directory'], work: (source, _, onProgress) => checkDirectory(source, onProgress) },
  salvage: { takes: ['a directory', 'a new directory'], work: salvageDirectory },
  copy: { takes: ['a directory', 'a new directory'], work: copyDirectory },
};

/** Works on directories of the embedded service, without an application. */
export const embeddedCommand: CommandGroup = {
  usage: USAGE,
  run(args, terminal) {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    });
    const [name = '', ...directories] = positionals;
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new UsageError(name === '' ? 'Name what to do.' : `There is no "embedded ${name}".`);
    const [source, target] = directories;
    if (source === undefined || directories.length !== command.takes.length)
      throw new UsageError(`"embedded ${name}" takes ${command.takes.join(' and ')}.`);
    return runOn({ name, work: command.work, source, target: target ?? source, json: values.json, terminal });
  },
};

interface Task {
  readonly name: string;
  readonly work: Work;
  readonly source: string;
  readonly target: string;
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** Stops at the first directory that cannot be worked on: a copy without it would look complete. */
async function runOn({ name, work, source, target, json, terminal }: Task): Promise<ExitCode> {
  const directories = directoriesIn(source);
  if (target !== source) assertEmpty(target);
  const reports: DirectoryReport[] = [];
  for (const directory of directories) {
    const [from, to] = [join(source, directory), join(target, directory)];
    const report = await work(from, to, progressOn(terminal, from));
    reports.push(report);
    if (!json) for (const line of linesOf(report)) terminal.out(line);
  }
  const ok = reports.every(isSound);
  if (json) terminal.out(JSON.stringify({ command: `embedded ${name}`, ok, directories: reports }));
  else terminal.out(ok ? 'All is as it was written.' : 'Something is damaged: see above.');
  return ok ? EXIT.ok : EXIT.damaged;
}
