import * as fs from 'node:fs';

interface Retired {
  readonly what: string;
  readonly words: RegExp;
  /** What to write. */
  readonly instead: string;
  /** A line that must be found. */
  readonly sample: string;
  /** Files that still have to know the word, because earlier versions have written it. */
  readonly readers?: RegExp;
}

/** Words that something had before it had one word. */
const RETIRED: readonly Retired[] = [
  {
    what: 'order of deliveries',
    words: /\border\??:\s*'(?:strict|key|none)'|PublishOptions\['order'\]|\.order === 'strict'/,
    instead: 'ordering',
    sample: "defineMessage('a', schema, { key, order: 'strict' })",
  },
  {
    what: 'guard of the admin API',
    words: /\badminGuard\b/,
    instead: 'the option authorizer',
    sample: 'MessagingAdminModule.forRoot({ adminGuard })',
  },
  {
    what: 'permission to see payloads',
    words: /\bread:payloads?\b/,
    instead: 'payload:read',
    sample: "roles: ['read:payload']",
  },
  {
    what: 'prefix of headers of ours',
    words: /\bx-msg-|'spool:'/,
    instead: 'x-swy-',
    sample: "attempt: 'x-msg-attempt'",
    readers:
      /^src\/core\/messaging\/(ports\/headers|message\/headers|publishing\/publish-options)\.ts$|\.spec\.ts$|^docs\/changing\/message-path\.md$/,
  },
  {
    what: 'removal of a dead letter',
    words:
      /\bpurg(?:e|es|ed|ing)\b|\b(?:delete|remove)(?:DeadLetter|Letter)\w*|\bstore\.remove\(|REMOVE_LETTER/i,
    instead: 'discard',
    sample: 'await deadLetters.purge(id)',
  },
  {
    what: 'process that only publishes',
    words: /\bhandlers: false\b/,
    instead: 'registerHandlers: false',
    sample: 'MessagingModule.forRoot({ handlers: false })',
  },
  {
    what: 'union that may grow',
    words: /\bunion is closed\b|\bclosed union\b/,
    instead: 'open, with a default branch',
    sample: '/** The union is closed. */',
  },
  {
    what: 'given-up message, outside of stored values',
    words: /\bdead_letters?(?:-|\/)|\/dead_letters?\b|action: 'dead_letter'|kind: 'dead_letter'/,
    instead: 'dead-letter',
    sample: 'GET /dead_letters',
  },
];

const TEXTS = [
  ...['src', 'test', 'bench', 'scripts'].flatMap((folder) => textFiles(folder, /\.(?:ts|mjs)$/)),
  ...textFiles('docs', /\.md$/),
  ...textFiles('config', /\.ya?ml$/),
  ...['README.md', 'CONTRIBUTING.md', '.env.example'].map((name) => ({
    name,
    text: fs.readFileSync(name, 'utf8'),
  })),
].filter(({ name }) => !name.endsWith('retired-words.spec.ts'));

function textFiles(folder: string, ending: RegExp): { readonly name: string; readonly text: string }[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => `${folder}/${name}`)
    .map((name) => ({ name, text: fs.readFileSync(name, 'utf8') }));
}

describe('one word for each thing', () => {
  it.each(RETIRED.map((retired) => [retired.what, retired] as const))(
    '%s: the retired words are found nowhere',
    (_, { words, instead, sample, readers }) => {
      expect(sample).toMatch(words);
      const found = TEXTS.filter(({ name }) => readers?.test(name) !== true).flatMap(({ name, text }) =>
        text.split('\n').flatMap((line) => (words.test(line) ? [`${name}: ${line.trim()}`] : [])),
      );
      expect({ instead, found }).toEqual({ instead, found: [] });
    },
  );

  it('looks at code, tests, documentation and configuration', () => {
    const names = TEXTS.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'src/core/messaging/ports/transport.ts',
        'docs/using/configuration.md',
        'README.md',
        '.env.example',
      ]),
    );
  });
});
