/**
 * Composes, checks and shortens the Lua scripts that servers run.
 *
 * A line `--- @include "name.lua"` stands for that file, by its path relative to the including one; a file that is
 * included several times appears once. Folders named `includes` hold files that are not scripts of their own.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

import luaparse from 'luaparse';

const INCLUDE = /^--- @include "([^"]+)"$/;

/** Globals that a script may use. Any other is a variable whose `local` is missing, or a typing error. */
const GLOBALS = new Set(
  'ARGV FORMATS KEYS cjson cmsgpack ipairs math pairs pcall redis string table tonumber tostring type unpack'.split(
    ' ',
  ),
);

/**
 * The text of one script for a server: with its includes, without comments.
 *
 * Problems are sentences that begin with file and line. `used` receives the includes.
 */
export function readScript(file, problems, used) {
  const lines = compose(file, { problems, used, open: [], done: new Set() });
  const text = lines.map((line) => line.text).join('\n') + '\n';
  const report = (line, message) => {
    const at = lines[line - 1] ?? { file, line };
    problems.push(`${at.file}:${at.line}: ${message}`);
  };
  let tree;
  try {
    tree = parse(text);
  } catch (error) {
    report(error.line ?? 1, error.message.replace(/^\[\d+:\d+\] /, ''));
    return text;
  }
  for (const { name, loc } of tree.globals) {
    if (!GLOBALS.has(name))
      report(loc.start.line, `"${name}" is neither a local variable nor an allowed global.`);
  }
  for (const message of problemsOfHeader(tree, text)) report(1, message);
  return withoutComments(tree, text);
}

function compose(file, { problems, used, open, done }) {
  const chain = [...open, file];
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split(/\r?\n/);
  return lines.flatMap((text, index) => {
    const at = { file, line: index + 1, text };
    const wanted = INCLUDE.exec(text)?.[1];
    if (wanted === undefined) {
      if (text.includes('@include'))
        problems.push(
          `${file}:${at.line}: an include is written --- @include "name.lua", alone on its line.`,
        );
      return [at];
    }
    const included = path.join(path.dirname(file), wanted);
    used.add(included);
    if (chain.includes(included)) {
      problems.push(`${file}:${at.line}: includes itself through ${included}.`);
      return [];
    }
    if (!fs.existsSync(included)) {
      problems.push(`${file}:${at.line}: there is no ${included}.`);
      return [];
    }
    if (done.has(included)) return [];
    done.add(included);
    return compose(included, { problems, used, open: chain, done });
  });
}

function parse(text) {
  return luaparse.parse(text, { luaVersion: '5.1', scope: true, locations: true, ranges: true });
}

/** The header of a script lists its inputs and outputs, for callers. */
function problemsOfHeader(tree, text) {
  const [first] = tree.comments;
  const header = first?.range[0] === 0 && text.startsWith('--[[') ? first.value : undefined;
  if (header === undefined || !/^ +Input:$/m.test(header) || !/^ +Output:$/m.test(header))
    return ['a script begins with a --[[ comment ]] that has the parts "Input:" and "Output:".'];
  return [...inputsOf(tree)]
    .filter((input) => !header.includes(input))
    .map((input) => `the header does not name ${input}, which the script uses.`);
}

/** `KEYS[1]`, `ARGV[2]` and so on, if the index is a plain number. */
function inputsOf(tree) {
  const found = new Set();
  visit(tree, ({ type, base, index }) => {
    if (type === 'IndexExpression' && ['ARGV', 'KEYS'].includes(base.name) && index.type === 'NumericLiteral')
      found.add(`${base.name}[${index.value}]`);
  });
  return found;
}

function visit(node, see) {
  if (typeof node !== 'object' || node === null) return;
  if (typeof node.type === 'string') see(node);
  for (const below of Object.values(node)) visit(below, see);
}

/** Every server stores the text, and receives it again after losing it. */
function withoutComments(tree, text) {
  let short = '';
  let end = 0;
  for (const { range } of tree.comments) {
    short += text.slice(end, range[0]);
    end = range[1];
  }
  short = (short + text.slice(end))
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trimStart();
  if (shapeOf(parse(short)) !== shapeOf(tree))
    throw new Error('A string over several lines cannot be distinguished from comments. Write it with \\n.');
  return short;
}

function shapeOf(tree) {
  const positions = new Set(['loc', 'range', 'comments', 'globals']);
  return JSON.stringify(tree, (key, value) => (positions.has(key) ? undefined : value));
}
