import { objectCircles } from './object-circles.js';
import { sourceFiles } from './source-files.js';

/** Classes with a circle, each with what is said about it. */
const CIRCLES: readonly (readonly [what: string, members: string, problem: string])[] = [
  [
    'an arrow function in a constructor that reads a field assigned by a later statement',
    'readonly #a: A; readonly #b: B; constructor() { this.#a = new A(() => this.#b.run()); this.#b = new B(this.#a); }',
    'reads this.#b, which is assigned later',
  ],
  [
    'an arrow function that reads the field it is assigned to',
    'readonly a: A; constructor() { this.a = new A(() => this.a.run()); }',
    'reads this.a, which is assigned later',
  ],
  [
    'an arrow function in a field initialiser that reads a field of the constructor',
    'readonly #a: A = { run: () => this.#b.run() }; readonly #b: B; constructor() { this.#b = new B(); }',
    'reads this.#b, which is assigned later',
  ],
  [
    'an arrow function in a field initialiser that reads a later field',
    'readonly #a = new A(() => this.#b); readonly #b = new B();',
    'reads this.#b, which is assigned later',
  ],
  [
    'an arrow function inside another',
    'readonly #a = new A(() => () => this.#b); readonly #b = new B();',
    'reads this.#b, which is assigned later',
  ],
  ['an argument', 'constructor() { new A(this); }', 'gives away this: new A(this)'],
  ['a property', 'constructor() { start({ owner: this }); }', 'gives away this: owner: this'],
  ['an argument in a field initialiser', 'readonly #a = new A(this);', 'gives away this: new A(this)'],
  ['an argument in a callback', 'readonly #a = new A(() => add(this));', 'gives away this: add(this)'],
  ['a name', 'constructor() { const self = this; run(() => self.a); }', 'gives away this: self = this'],
  ['an element', 'constructor() { all.push(...[this]); }', 'gives away this: [this]'],
];

const STRAIGHT: readonly (readonly [what: string, members: string])[] = [
  [
    'reads what was assigned before',
    'readonly #a: A; readonly #b: B; constructor(private readonly c: C) { this.#a = new A(); this.#b = new B(() => [this.#a, this.c]); }',
  ],
  [
    'reads a later field at once, which the compiler checks',
    'readonly #a: A; readonly #b: B; constructor() { this.#a = new A(this.#b); this.#b = new B(); }',
  ],
  [
    'assigns a field in a callback',
    'readonly #a: A; b = 0; constructor() { this.#a = new A(() => { this.b = 1; }); }',
  ],
  ['gives itself away in a method', 'start() { this.#a = new A(this); }'],
  ['has a function with a `this` of its own', 'readonly a = { get b() { return add(this); } };'],
  ['is static', 'static readonly a = new A(this);'],
];

describe('circles through objects', () => {
  it.each(CIRCLES)('are found: %s', (_, members, problem) => {
    expect(objectCircles('a.ts', `class Example {\n${members}\n}`)).toEqual([
      { file: 'a.ts', line: 2, problem },
    ]);
  });

  it.each(STRAIGHT)('are not in a class that %s', (_, members) => {
    expect(objectCircles('a.ts', `class Example { ${members} }`)).toEqual([]);
  });

  it('are nowhere in the sources', () => {
    const found = sourceFiles('src').flatMap(({ name, text }) => objectCircles(name, text));
    expect(found.map(({ file, line, problem }) => `${file}:${line} ${problem}`)).toEqual([]);
  });
});
