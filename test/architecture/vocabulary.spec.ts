import * as fs from 'node:fs';
import * as path from 'node:path';
import { sourceFiles } from './source-files.js';

/** Words of one broker or another. In the core they would mean that it knows which broker it talks to. */
const BROKER_WORDS =
  /\b(exchanges?|partitions?|offsets?|xadd|xreadgroup|xack|redis|rabbitmq|amqp|kafka|lmdb|routing ?key|vhost|sentinel|zookeeper|prefetch)\b/i;

/** Suffixes and prefixes of names that say nothing. */
const EMPTY_NAMES =
  /\b(?:class|interface)\s+(\w*(?:Manager|Helper|Util|Utils)|(?:Base|Abstract)\w+|I[A-Z][a-z]\w*)\b/;

/** Metadata is CloudEvents: its extension for keys and the binding of its headers carry the names of brokers. */
const STANDARDS = /partition ?key|Kafka binding|Kafka's/gi;

interface Expression {
  readonly words: RegExp;
  /** What to write. */
  readonly instead: string;
  /** Text that must be found. */
  readonly sample: string;
}

/** Expressions that a reader of documentation does not expect, matched over the ends of lines. */
const RETIRED_EXPRESSIONS: readonly Expression[] = [
  { words: /\banew\b/i, instead: 'again; recreated; re-subscribes', sample: 'The queue was made anew.' },
  { words: /\b(?:told|tells?|telling)\b/i, instead: 'reports; emits; logs', sample: 'Health is told of it.' },
  { words: /\bnobody\b/i, instead: 'no process; no consumer; not offered', sample: 'a group nobody reads' },
  { words: /\bwhoever\b/i, instead: 'the process that; the caller that', sample: 'Whoever waits is woken.' },
  {
    words: /\b(?:somebody|someone) else\b|\bsomebody\b/i,
    instead: 'foreign; another client',
    sample: 'a message of somebody else',
  },
  {
    words: /\bstrangers?\b/i,
    instead: 'foreign client; unauthenticated caller',
    sample: 'Strangers see less.',
  },
  {
    words: /\b(?:go|goes|going|went|gone) on\b/i,
    instead: 'continues; resumes',
    sample: 'Then all goes on.',
  },
  { words: /\bin hand\b/i, instead: 'in flight', sample: 'what the process had in hand' },
  {
    words: /\bhand(?:s|ed|ing)? out\b|\bhand(?:s|ed|ing)? (?:nothing|messages|it|them) out\b/i,
    instead: 'delivers',
    sample: 'A queue hands out nothing.',
  },
  {
    words: /\bput together (?:from|of)\b/i,
    instead: 'combines',
    sample: 'a transport put together from others',
  },
  { words: /\bso long at most\b/i, instead: 'longest wait', sample: 'Closing waits for so long at most.' },
  {
    words: /\bcan(?:not| not) be had\b/i,
    instead: 'cannot be provided; is not available',
    sample: 'What cannot be had is said.',
  },
  { words: /\blook(?:s|ed|ing)? after\b/i, instead: 'maintains', sample: 'One process looks after it.' },
  {
    words: /\bgoodbye\b/i,
    instead: 'close handshake; half-open socket',
    sample: 'a node that says no goodbye',
  },
  {
    words: /\bturned round\b/i,
    instead: 'must keep this order, because',
    sample: 'The two must not be turned round.',
  },
  {
    words: /\b(?:do|does|did) not go for\b/i,
    instead: 'does not apply to',
    sample: 'cases that do not go for it',
  },
  { words: /\bcomes? and goes?\b/i, instead: 'flapping', sample: 'a broker that comes and goes' },
  {
    words: /\bcould not be found out\b/i,
    instead: 'could not be determined',
    sample: 'It could not be found out.',
  },
  {
    words: /\boperators? wants? it\b/i,
    instead: 'operator override',
    sample: 'because an operator wants it',
  },
  { words: /\bclocks? that never jumps?\b/i, instead: 'monotonic clock', sample: 'a clock that never jumps' },
  { words: /\bfor good\b/i, instead: 'permanently', sample: 'The group is removed for good.' },
  { words: /\bmend(?:s|ed|ing)?\b/i, instead: 'fix; correct', sample: 'Mend the message.' },
  {
    words: /\b(?:says?|saying|said) so\b/i,
    instead: 'reports it; the error names it',
    sample: 'It says so.',
  },
  { words: /\| what is said \|/i, instead: 'Error', sample: '| what is said | action |' },
  { words: /\| what to do \|/i, instead: 'Action', sample: '| error | what to do |' },
];

const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...fs
    .readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join('docs', name.replaceAll(path.sep, '/'))),
];

const MAX_LINE_LENGTH = 120;

const proseOf = (page: string): string => plainProse(fs.readFileSync(page, 'utf8'));

/** The text without generated parts, code, quotations in backticks and targets of links, on one line. */
function plainProse(markdown: string): string {
  return withoutBlocks(markdown)
    .replace(/(`+)(?!`)[^`]*\1/g, '``')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/\s+/g, ' ');
}

function withoutBlocks(markdown: string): string {
  return markdown
    .replace(/<!-- ([\w ]+): generated[\s\S]*?<!-- end of \1 -->/g, '')
    .replace(/^ *(```+|~~~+)[^\n]*\n[\s\S]*?^ *\1 *$/gm, '');
}

/** Lines of prose that a terminal or a review would wrap; rows of tables cannot be. */
function longLines(markdown: string): readonly string[] {
  return withoutBlocks(markdown)
    .split('\n')
    .filter((line) => line.length > MAX_LINE_LENGTH && !/^ *\|/.test(line));
}

/** Each place with the expression and a few words around it. */
function placesOf({ words }: Expression, prose: string): readonly string[] {
  return [...prose.matchAll(new RegExp(words, `${words.flags}g`))].map(({ index }) =>
    prose.slice(Math.max(0, index - 40), index + 60),
  );
}

describe('the prose of README, CHANGELOG, CONTRIBUTING and docs', () => {
  it.each(RETIRED_EXPRESSIONS.map((expression) => [expression.instead, expression] as const))(
    'says "%s" instead of a retired expression',
    (instead, expression) => {
      expect(placesOf(expression, plainProse(expression.sample))).toHaveLength(1);
      const found = DOCUMENTS.flatMap((page) =>
        placesOf(expression, proseOf(page)).map((place) => `${page}: ${place}`),
      );
      expect({ instead, found }).toEqual({ instead, found: [] });
    },
  );

  it('has lines of at most 120 characters', () => {
    expect(longLines(`${'word '.repeat(30)}\n\n| ${'cell '.repeat(30)}|`)).toHaveLength(1);
    const found = DOCUMENTS.flatMap((page) =>
      longLines(fs.readFileSync(page, 'utf8')).map((line) => `${page}: ${line}`),
    );
    expect(found).toEqual([]);
  });

  it('is read from every page, over the ends of lines', () => {
    expect(DOCUMENTS).toEqual(
      expect.arrayContaining([
        'README.md',
        'docs/using/kafka.md',
        'docs/operating/operations.md',
        'docs/changing/proof.md',
      ]),
    );
    expect(plainProse('Everything goes\n  on.')).toBe('Everything goes on.');
    expect(DOCUMENTS.filter((page) => proseOf(page).length < 200)).toEqual([]);
  });

  it.each([
    ['code', 'Before.\n\n```sh\necho anew\n```\n\nAfter.'],
    ['a quotation', 'Before. `made anew` After.'],
    ['a generated part', 'Before. <!-- x: generated by y --> made anew <!-- end of x --> After.'],
    ['the target of a link', 'Before. [link](page.md#made-anew) After.'],
  ])('leaves out %s', (_, markdown) => {
    const prose = plainProse(markdown);
    expect(prose).not.toContain('anew');
    expect(prose).toMatch(/^Before\..*After\.$/);
  });
});

describe('the vocabulary', () => {
  it.each(sourceFiles('src/core').map((file) => [file.name, file.text] as const))(
    'of %s is that of messaging, not of a broker',
    (_, text) => {
      const found = text
        .replace(STANDARDS, '')
        .split('\n')
        .filter((line) => BROKER_WORDS.test(line));
      expect(found).toEqual([]);
    },
  );

  it('names no class or interface with a word that says nothing', () => {
    const found = sourceFiles('src').flatMap(({ name, text }) =>
      text.split('\n').flatMap((line) => (EMPTY_NAMES.test(line) ? [`${name}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('has no work left for later in it', () => {
    const found = ['src', 'test', 'scripts']
      .flatMap(sourceFiles)
      .filter(({ text }) => /\b(TODO|FIXME|XXX)\b(?!\|)/.test(text));
    expect(found.map(({ name }) => name).filter((name) => !name.includes('vocabulary'))).toEqual([]);
  });
});
