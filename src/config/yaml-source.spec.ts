import * as yaml from 'yaml';

import { loadYamlReader, yamlReader } from './yaml-source.js';

const readYaml = yamlReader(yaml);

const CANARY = 'c4n4ry';

describe('a YAML source', () => {
  it('returns values and their lines', () => {
    const source = readYaml('a: 1\nb:\n  c: [x, true]\n');
    expect(JSON.stringify(source.value)).toBe('{"a":1,"b":{"c":["x",true]}}');
    expect(source.lines.get('b.c')).toBe(3);
  });

  it('resolves aliases', () => {
    expect(JSON.stringify(readYaml('a: &x {b: 1}\nc: *x\n').value)).toBe('{"a":{"b":1},"c":{"b":1}}');
  });

  it('treats the keys of prototypes as ordinary keys', () => {
    const { value } = readYaml('__proto__: {polluted: true}\nconstructor: 1\n');
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('does not apply merge keys', () => {
    expect(Object.keys(readYaml('a: &x {b: 1}\nc: {<<: *x}\n').value as { c: object }['c'])).not.toContain(
      'b',
    );
    expect(JSON.stringify(readYaml('a: &x {b: 1}\nc: {"<<": *x}\n').value)).toContain('"<<"');
  });

  it('refuses aliases that expand without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level++) {
      const alias = `*a${level - 1}`;
      lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => alias).join(', ')}]`);
    }
    const startedAt = performance.now();
    expect(readYaml(lines.join('\n')).problems).toHaveLength(1);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('refuses an alias to its own parent', () => {
    expect(readYaml('a: &x\n  b: *x\n').problems).not.toEqual([]);
  });

  it.each([
    ['a repeated key', `a: 1\na: ${CANARY}`, 'line 2: a key is given twice'],
    ['a secret that looks like an alias', `a: *${CANARY}`, 'line 1: a value starts with "*"'],
    ['a secret that looks like a tag', `a: !${CANARY} x`, 'line 1: a value starts with "!"'],
    ['an open quote', `a: "${CANARY}`, 'line 1: a quote, bracket'],
    ['a tab', `a:\n\tb: ${CANARY}`, 'line 2: a tab is used'],
    ['two documents', `a: 1\n---\nb: ${CANARY}`, 'there is more than one document'],
    ['a key that is a list', `[${CANARY}]: 1`, 'line 1: a key must be a plain name'],
  ])('names %s without repeating it', (_, text, problem) => {
    const { problems } = readYaml(text);
    expect(problems.join('\n')).toContain(problem);
    expect(problems.join('\n')).not.toContain(CANARY);
  });
});

describe('the package yaml', () => {
  it('is loaded', async () => {
    expect((await loadYamlReader())('[1]').value).toEqual([1]);
  });

  it('is loaded from the shapes that bundlers and CommonJS give it', async () => {
    const load = async (): Promise<unknown> => ({ default: yaml });
    expect((await loadYamlReader(load))('[1]').value).toEqual([1]);
  });

  it('is named in the error when it is missing and a text needs it', async () => {
    const read = await loadYamlReader(() => Promise.reject(new Error('Cannot find package')));
    expect(read('[1]')).toEqual({
      value: undefined,
      lines: new Map(),
      problems: [
        'reading YAML needs the package "yaml", which cannot be loaded. Install it: npm install yaml@2',
      ],
    });
  });
});
