/** What a process has said of a message, in the order of a clock that all processes share. */
export interface KeyStep {
  readonly what: 'begin' | 'end';
  readonly key: string;
  /** Of all messages; those of a key are {@link KeyHistory.stride} apart. */
  readonly nth: number;
  readonly attempt: number;
  readonly at: bigint;
  /** Which process. */
  readonly by: number;
}

export interface KeyHistory {
  readonly steps: readonly KeyStep[];
  /** From one message of a key to its next. */
  readonly stride: number;
  /** When each process was killed; undefined for one that was not. */
  readonly killedAt: readonly (bigint | undefined)[];
}

/**
 * What in a history is not in the order of keys that docs/delivery-guarantees.md promises, in words; empty when it is kept. A process begins the
 * messages of a key one after the other and leaves none out. Another takes the key over when the one before has nothing of it in hand, or is dead,
 * and goes on where that one was. After a death alone it may go back, to what the dead process had begun and no broker knew to be settled; from
 * there on, too, nothing is left out. What was in hand at the death has a higher attempt.
 */
export function disorderOf({ steps, stride, killedAt }: KeyHistory): string[] {
  const sorted = [...steps].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const keys = new Set(sorted.map(({ key }) => key));
  return [...keys].flatMap((key) =>
    disorderOfKey(
      sorted.filter((step) => step.key === key),
      stride,
      killedAt,
    ),
  );
}

function disorderOfKey(
  steps: readonly KeyStep[],
  stride: number,
  killedAt: KeyHistory['killedAt'],
): string[] {
  const found: string[] = [];
  /** By whom a message was begun first, and whether anybody came to its end. */
  const begun = new Map<number, { by: number; isEnded: boolean }>();
  let highest: number | undefined;
  let last: KeyStep | undefined;
  for (const step of steps) {
    const { what, nth, by, attempt, at, key } = step;
    const earlier = begun.get(nth);
    if (what === 'end') {
      if (earlier) earlier.isEnded = true;
      if (last?.by === by) last = { ...last, what };
      continue;
    }
    const isDead = (process: number): boolean => {
      const killed = killedAt[process];
      return killed !== undefined && killed <= at;
    };
    const say = (text: string): number =>
      found.push(`${key}: process ${by} begins ${nth} (attempt ${attempt}) ${text}`);
    if (last?.by === by) {
      if (last.what === 'begin') say(`while it has ${last.nth} in hand`);
      if (nth !== last.nth + stride) say(`after ${last.nth}`);
    } else {
      if (last?.what === 'begin' && !isDead(last.by)) say(`while process ${last.by} has ${last.nth} in hand`);
      if (highest !== undefined && nth > highest + stride) say(`and leaves out what comes after ${highest}`);
      if (highest !== undefined && nth <= highest && !(last && isDead(last.by)))
        say(`again, although nobody has died who had the key`);
    }
    if (earlier) {
      if (!earlier.isEnded && attempt === 1) say('as if nobody had had it in hand');
      if (!isDead(earlier.by)) say(`again, although process ${earlier.by} is alive and has had it`);
      earlier.by = by;
    } else begun.set(nth, { by, isEnded: false });
    highest = Math.max(highest ?? nth, nth);
    last = step;
  }
  return found;
}
