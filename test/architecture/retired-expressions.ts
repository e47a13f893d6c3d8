/** An expression that a reader of technical English does not expect. */
export interface RetiredExpression {
  /** Matched over the ends of lines. */
  readonly words: RegExp;
  /** What to write. */
  readonly instead: string;
  /** Text that must be found. */
  readonly sample: string;
}

export const RETIRED_EXPRESSIONS: readonly RetiredExpression[] = [
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

/** Each place in a text on one line, with a few words around it. */
export function placesOf({ words }: RetiredExpression, prose: string): readonly string[] {
  return [...prose.matchAll(new RegExp(words, `${words.flags}g`))].map(({ index }) =>
    prose.slice(Math.max(0, index - 40), index + 60),
  );
}
