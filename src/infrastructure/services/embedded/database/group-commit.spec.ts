import { CommitError } from './disk-errors.js';
import { GroupCommit } from './group-commit.js';

const full = new CommitError('TRANSPORT_FULL', 'full', true);

describe('group commit', () => {
  it('puts what arrives while a transaction runs into the next one', async () => {
    const transactions: number[] = [];
    let written = 0;
    const commits = new GroupCommit(async (write) => {
      written = 0;
      write();
      transactions.push(written);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return undefined;
    });
    const work = { write: () => void (written += 1) };
    const first = commits.submit(work).done;
    await Promise.resolve();
    await Promise.resolve();
    const others = [1, 2, 3].map(() => commits.submit(work).done);
    await Promise.all([first, ...others]);
    expect(transactions).toEqual([1, 3]);
  });

  it('writes one by one after an abort, so that a large neighbour fails no other write', async () => {
    const settled: Record<string, boolean[]> = { small: [], large: [] };
    let sizes = 0;
    const commits = new GroupCommit(async (write) => {
      sizes = 0;
      write();
      return sizes > 10 ? full : undefined;
    });
    const submit = (name: string, size: number): Promise<void> =>
      commits.submit({
        write: () => void (sizes += size),
        settled: (committed) => settled[name]?.push(committed),
      }).done;
    const [small, large] = await Promise.allSettled([submit('small', 1), submit('large', 100)]);
    expect(small.status).toBe('fulfilled');
    expect(large).toMatchObject({ status: 'rejected', reason: full });
    expect(settled).toEqual({ small: [false, true], large: [false, false] });
  });

  it('does not repeat what may be written already', async () => {
    const unsure = new CommitError('TRANSPORT_UNAVAILABLE', 'not confirmed', false);
    let transactions = 0;
    const commits = new GroupCommit(async (write) => {
      transactions += 1;
      write();
      return unsure;
    });
    const results = await Promise.allSettled(
      [1, 2].map(() => commits.submit({ write: () => undefined }).done),
    );
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(transactions).toBe(1);
  });

  it('gives back what has not begun, and nothing that has', async () => {
    let release: () => void = () => undefined;
    const commits = new GroupCommit(async (write) => {
      write();
      await new Promise<void>((resolve) => (release = resolve));
      return undefined;
    });
    let written = 0;
    const work = { write: () => void (written += 1) };
    const running = commits.submit(work);
    await Promise.resolve();
    await Promise.resolve();
    const waiting = commits.submit(work);
    expect(waiting.withdraw()).toBe(true);
    expect(running.withdraw()).toBe(false);
    release();
    await running.done;
    await commits.idle();
    expect(written).toBe(1);
  });
});
