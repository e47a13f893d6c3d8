import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { outdatedAssets, writeAssets } from '../../scripts/assets.mjs';

const SCRIPT = `--[[
  Answers.

  Input:
    KEYS[1] a key
  Output:
    one
]]
--- @include "includes/one.lua"

return one(KEYS[1])
`;
const FRAGMENT = "-- For all.\nlocal function one(key) return redis.call('GET', key) .. '\\0' end\n";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-assets-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

let count = 0;

/** A folder of its own; files by their path. */
function folderWith(files: Record<string, string>): string {
  const folder = path.join(directory, String(count++));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** Files that were written, by name, or else what is wrong. */
function build(folder: string): readonly string[] {
  const { outdated, problems } = outdatedAssets(folder);
  if (problems.length > 0) return problems;
  writeAssets(outdated);
  return outdated.map(([file]) => path.relative(folder, file));
}

/** What is said about one script and what it includes. */
function problemsOf(script: string, fragment = FRAGMENT): string {
  const folder = folderWith({ 'one.lua': script, 'includes/one.lua': fragment });
  return build(folder).join('\n');
}

describe('assets', () => {
  it('of the project are in step with their modules', () => {
    expect(outdatedAssets('src')).toEqual({ outdated: [], problems: [] });
  });

  it('become constants, the includes of Lua in place and its comments gone', async () => {
    const folder = folderWith({
      'one.lua': SCRIPT,
      'includes/one.lua': FRAGMENT,
      'page.html': '<p>`${no}` \\d</p>\n',
      'page.css': 'p {}\r\n',
      'make-table.sql': 'select 1;\n',
      'left.ts': '',
    });
    expect(build(folder)).toEqual(['assets.generated.ts']);
    const built = (await import(path.join(folder, 'assets.generated.ts'))) as Record<string, string>;
    expect({ ...built }).toEqual({
      MAKE_TABLE_SQL: 'select 1;\n',
      ONE_LUA: "local function one(key) return redis.call('GET', key) .. '\\0' end\nreturn one(KEYS[1])\n",
      PAGE_CSS: 'p {}\n',
      PAGE_HTML: '<p>`${no}` \\d</p>\n',
    });
    expect(build(folder)).toEqual([]);
  });

  it.each([
    [
      'a source',
      'one.lua',
      SCRIPT.replace('one(', 'one(ARGV[1] or ').replace('Output', 'x ARGV[1]\n  Output'),
    ],
    ['an include', 'includes/one.lua', FRAGMENT.replace('GET', 'HGET')],
    ['the module', 'assets.generated.ts', '// mine'],
  ])('are out of step when %s was changed', (_, name, text) => {
    const folder = folderWith({ 'one.lua': SCRIPT, 'includes/one.lua': FRAGMENT });
    build(folder);
    fs.writeFileSync(path.join(folder, name), text);
    expect([build(folder), build(folder)]).toEqual([['assets.generated.ts'], []]);
  });

  it('take their module with them', () => {
    const folder = folderWith({ 'page.html': 'x' });
    build(folder);
    fs.unlinkSync(path.join(folder, 'page.html'));
    expect(build(folder)).toEqual(['assets.generated.ts']);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

describe('Lua is refused', () => {
  it.each([
    [
      'a typing error',
      SCRIPT.replace('return one', 'return oen'),
      /one\.lua:11: "oen" is neither a local variable/,
    ],
    ['a missing local', `${SCRIPT.slice(0, -20)}two = 2\n`, /"two" is neither a local variable/],
    ['broken syntax', SCRIPT.replace('return one(', 'return one(('), /one\.lua:\d+: .*expected/],
    ['no header', SCRIPT.slice(SCRIPT.indexOf('---')), /one\.lua:1: a script begins with/],
    ['no outputs', SCRIPT.replace('Output:', ''), /one\.lua:1: a script begins with/],
    ['an input of which nothing is said', SCRIPT.replace('KEYS[1])', 'ARGV[2])'), /does not name ARGV\[2\]/],
    ['another form of include', SCRIPT.replace('--- @', '-- @'), /one\.lua:9: an include is written/],
    ['an include that is not there', SCRIPT.replace('/one.lua', '/two.lua'), /one\.lua:9: there is no /],
  ])('for %s', (_, script, problem) => expect(problemsOf(script)).toMatch(problem));

  it('for a mistake in an include, which is named', () =>
    expect(problemsOf(SCRIPT, FRAGMENT.replace('(key)', '()'))).toMatch(
      /includes.one\.lua:2: "key" is neither/,
    ));

  it('for an include that includes itself', () =>
    expect(problemsOf(SCRIPT, `${FRAGMENT}--- @include "one.lua"\n`)).toMatch(/includes itself through/));

  it('for an include that no script has', () =>
    expect(problemsOf(SCRIPT.replace(/^---.*\n/m, 'local one\n'))).toMatch(/is included by no script/));
});
