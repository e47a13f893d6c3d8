/** What is remembered of a message besides its id. */
interface Remembered<TWhat, TPlace> {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly what: TWhat;
  readonly place: TPlace;
  readonly transport: string | undefined;
  readonly attempt: number;
}

/**
 * The last things of a kind that happened to messages; each new one takes the place of the oldest.
 *
 * In columns, because this is written for every message: an object for each would live long enough to burden the garbage collector,
 * and here only the ids stay.
 */
export class Recent<TWhat extends string, TPlace> {
  readonly #ids: string[] = [];
  readonly #what: TWhat[] = [];
  readonly #places: TPlace[] = [];
  readonly #transports: (string | undefined)[] = [];
  readonly #attempts: Uint32Array;
  readonly #times: Float64Array;
  #next = 0;

  /** @param size how many are remembered. */
  constructor(private readonly size: number) {
    this.#attempts = new Uint32Array(size);
    this.#times = new Float64Array(size);
  }

  /** @param at milliseconds since 1970. */
  add(
    message: { readonly messageId: string; readonly transport?: string; readonly attempt?: number },
    what: TWhat,
    place: TPlace,
    at: number,
  ): void {
    const nth = this.#next;
    this.#ids[nth] = message.messageId;
    this.#what[nth] = what;
    this.#places[nth] = place;
    this.#transports[nth] = message.transport;
    this.#attempts[nth] = message.attempt ?? 0;
    this.#times[nth] = at;
    this.#next = nth + 1 === this.size ? 0 : nth + 1;
  }

  /** Of one message, in the order in which they were added. Looks at all, so it is for questions of people. */
  of(messageId: string): readonly Remembered<TWhat, TPlace>[] {
    const found: Remembered<TWhat, TPlace>[] = [];
    for (let after = 0; after < this.#ids.length; after++) {
      const nth = (this.#next + after) % this.#ids.length;
      if (this.#ids[nth] !== messageId) continue;
      found.push({
        at: this.#times[nth] as number,
        what: this.#what[nth] as TWhat,
        place: this.#places[nth] as TPlace,
        transport: this.#transports[nth],
        attempt: this.#attempts[nth] as number,
      });
    }
    return found;
  }

  /** When the oldest of them was, in milliseconds since 1970; undefined as long as nothing was forgotten. */
  get since(): number | undefined {
    return this.#ids.length < this.size ? undefined : this.#times[this.#next];
  }
}
