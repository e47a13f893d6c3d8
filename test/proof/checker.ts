/** What is expected of a run. */
export interface Expectation {
  /** Groups that get every message of a topic. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Groups that get the messages of a lane in the order of their `seq`. */
  readonly ordered: readonly string[];
  /**
   * The broker replicates after its answer, and a primary that was deposed while it was paused hands out, until it
   * learns of that, what only it has. Such a message was never accepted and is gone with that primary, also after it
   * was delivered. Defaults to false: what was delivered has to be handled.
   */
  readonly unacceptedMayVanish?: boolean;
}

export type Verdict = ReturnType<Checker['verdict']>;

type Line = Readonly<Record<string, unknown>> & {
  readonly e: string;
  readonly t: number;
  readonly id: string;
};

/** Everything about one id, whichever history told it first. */
class Message {
  topic = '';
  lane: string | undefined;
  /** Negative while nobody has said that it would be published. */
  seq = -1;
  /** Of the receipt; undefined unless it was accepted. */
  level: string | undefined;
  isFailed = false;
  isUnknown = false;
  isForged = false;
  /** By group: when it had it first, how often it was handled, and whether the group is done with it. */
  readonly seen = new Map<string, { t: number; handled: number; isDone: boolean }>();
}

/** Reads histories, line by line in any order, and says what they prove. See `history.ts` for the lines. */
export class Checker {
  readonly #messages = new Map<string, Message>();
  readonly #inOrder: { readonly message: Message; readonly id: string; readonly group: string }[] = [];
  readonly #forbidden: string[] = [];
  #torn = 0;
  #delivered = 0;
  constructor(private readonly expectation: Expectation) {}

  add(text: string): void {
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
    } catch {
      this.#torn += 1;
      return;
    }
    if (line.e === 'x') this.#forbidden.push(String(line['what']));
    if (line.e === 'x' || line.e === 'n') return;
    let message = this.#messages.get(line.id);
    if (!message) this.#messages.set(line.id, (message = new Message()));
    if (typeof line['group'] === 'string') this.#seen(message, line, line['group']);
    else this.#published(message, line);
  }

  /** Messages that some group is still to be done with. */
  get open(): number {
    const isOpen = (message: Message): boolean =>
      this.#isUnhandled(message) || (message.level !== undefined && this.#isMissed(message));
    return [...this.#messages.values()].filter(isOpen).length;
  }

  verdict() {
    const all = [...this.#messages];
    const find = (is: (message: Message) => boolean) =>
      sampled(all.filter(([, message]) => is(message)).map(([id]) => id));
    const levels = new Set(all.flatMap(([, { level }]) => (level === undefined ? [] : [level])));
    const accepted = find(({ level }) => level !== undefined).count;
    return {
      published: find(({ seq }) => seq >= 0).count,
      accepted,
      unknown: find(({ isUnknown }) => isUnknown).count,
      failed: find(({ isFailed }) => isFailed).count,
      delivered: this.#delivered,
      /** Accepted, and some group has never seen it. By the level of the receipt. */
      lost: Object.fromEntries(
        [...levels].map((level) => [level, find((one) => one.level === level && this.#isMissed(one))]),
      ),
      /** Said to have failed for certain, and yet delivered. */
      aborted: find((message) => message.isFailed && message.seen.size > 0),
      /** Delivered, and never published, or other bytes than those that were. */
      phantom: find(({ seq, isForged }) => seq < 0 || isForged),
      /** Delivered to a group that neither handled nor parked it. */
      unhandled: find((message) => this.#isUnhandled(message)),
      /** The same, where it was never accepted and may be gone. */
      vanished: find((message) => isHalfDone(message) && !this.#isUnhandled(message)),
      /** Handled more than once by a group. */
      duplicated: find(({ seen }) => [...seen.values()].some(({ handled }) => handled > 1)),
      /** First seen by an ordered group after a later one of its lane, although both were accepted. */
      reordered: sampled(this.#reordered()),
      /** What must never happen, in the words of the process. */
      forbidden: sampled(this.#forbidden),
      /** Nothing was accepted, or nothing delivered: such a run shows nothing. */
      isVacuous: accepted === 0 || this.#delivered === 0,
      torn: this.#torn,
    };
  }

  #published(message: Message, { e, ...said }: Line): void {
    if (e === 'i') {
      message.topic = String(said['topic']);
      message.lane = said['lane'] as string | undefined;
      message.seq = Number(said['seq']);
    } else if (e === 'a') message.level = String(said['level']);
    else if (e === 'f') message.isFailed = true;
    else if (e === 'u') message.isUnknown = true;
  }

  #seen(message: Message, { e, t, id, isForged }: Line, group: string): void {
    const isFirst = !message.seen.has(group);
    const seen = message.seen.get(group) ?? { t, handled: 0, isDone: false };
    if (t < seen.t) seen.t = t; // the history of another process tells of an earlier copy
    if (isFirst) message.seen.set(group, seen);
    if (isForged === true) message.isForged = true;
    if (e === 'h') seen.handled += 1;
    if (e !== 'd') seen.isDone = true;
    else this.#delivered += 1;
    if (isFirst && this.expectation.ordered.includes(group)) this.#inOrder.push({ message, id, group });
  }

  /** Some group that should get it has never seen it. */
  #isMissed({ topic, seen }: Message): boolean {
    return (this.expectation.groups[topic] ?? []).some((group) => !seen.has(group));
  }

  #isUnhandled(message: Message): boolean {
    const mayVanish = this.expectation.unacceptedMayVanish === true && message.level === undefined;
    return isHalfDone(message) && !mayVanish;
  }

  #reordered(): string[] {
    const highest = new Map<string, number>();
    return this.#inOrder
      .map((one) => ({ ...one, t: one.message.seen.get(one.group)?.t ?? 0 }))
      .sort((one, other) => one.t - other.t)
      .flatMap(({ message: { lane, seq, level }, id, group }) => {
        if (lane === undefined || level === undefined) return [];
        const mark = highest.get(`${group} ${lane}`) ?? -1;
        highest.set(`${group} ${lane}`, Math.max(mark, seq));
        return seq < mark ? [id] : [];
      });
  }
}

function isHalfDone({ seen }: Message): boolean {
  return [...seen.values()].some(({ isDone }) => !isDone);
}

/** A count, with some ids of what was counted. */
function sampled(all: readonly string[]) {
  return { count: all.length, sample: all.slice(0, 20) };
}
