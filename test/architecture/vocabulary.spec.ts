import { sourceFiles } from './source-files.js';

/** Words of one broker or another. In the core they would mean that it knows which broker it talks to. */
const BROKER_WORDS =
  /\b(exchanges?|partitions?|offsets?|xadd|xreadgroup|xack|redis|rabbitmq|amqp|kafka|lmdb|routing ?key|vhost|sentinel|zookeeper|prefetch)\b/i;

/** Suffixes and prefixes of names that say nothing. */
const EMPTY_NAMES =
  /\b(?:class|interface)\s+(\w*(?:Manager|Helper|Util|Utils)|(?:Base|Abstract)\w+|I[A-Z][a-z]\w*)\b/;

/** Metadata is CloudEvents: its extension for keys and the binding of its headers carry the names of brokers. */
const STANDARDS = /partition ?key|Kafka binding|Kafka's/gi;

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
