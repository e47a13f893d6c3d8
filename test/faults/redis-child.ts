import type { DeadLetterStatus } from '../../src/core/messaging/ports/dead-letter-store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { deadLetter } from '../conformance/dead-letters/letters.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';

/** What a process does until it is killed. */
export interface ChildTask {
  readonly role: 'letters' | 'claims';
  /** Tells children apart. */
  readonly name: string;
  readonly options: object;
}

/** Written at once, so that nothing of it is lost with the process. */
const say = (...words: (string | number)[]): boolean => process.stdout.write(`${words.join(' ')}\n`);

/** Adds, changes and removes letters, several at a time. */
async function deadLetters({ name, options }: ChildTask): Promise<void> {
  const store = new RedisDeadLetterStore(redisOptionsSchema.parse(options));
  await store.connect();
  const lane = async (nth: number): Promise<void> => {
    for (let round = 0; ; round++) {
      // Half of the messages fail again and again, so that their letters are overwritten.
      const messageId = `${name}-${nth}-${round % 2 === 0 ? round : 'again'}`;
      const id = await store.add(
        deadLetter({ messageId, topic: `t-${round % 3}`, fingerprint: `f-${round % 5}` }),
      );
      const to: DeadLetterStatus = round % 4 === 0 ? 'resolved' : 'archived';
      await store.transition(id, ['failed'], 'replaying');
      await store.transition(id, ['replaying'], to);
      if (round % 7 === 0) await store.discard(id);
      say('round', nth, round);
    }
  };
  await Promise.all([1, 2, 3, 4].map(lane));
}

/** Claims keys and completes them; what it says is completed has to stay so. */
async function claims({ name, options }: ChildTask): Promise<void> {
  const store = new RedisIdempotencyStore(redisOptionsSchema.parse(options));
  await store.connect();
  for (let nth = 0; ; nth++) {
    const key = `${name}-${nth}`;
    const claim = await store.begin(key, 500);
    say('claimed', key);
    if (claim.kind !== 'fresh') continue;
    await store.complete(key, claim.token, 600_000);
    say('completed', key);
  }
}

const task = JSON.parse(process.argv[2] ?? '') as ChildTask;
const roles = { letters: deadLetters, claims };
endWithParent();
roles[task.role](task).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
