/** What a member of a {@link LinkedSet} carries. One set at a time. */
export class Link<T> {
  previous: T | undefined = undefined;
  next: T | undefined = undefined;
  isMember = false;
}

/**
 * A set of what is in flight, in the order of arrival, whose members carry its links.
 *
 * For sets that thousands of members a second pass through. A `Set` rebuilds its table all the time then, and the tables it
 * leaves behind, old already, keep the members they listed alive until a full collection: with a thousand messages in
 * flight that was half of the time of a message.
 */
export class LinkedSet<T extends { readonly link: Link<T> }> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(member: T): void {
    const { link } = member;
    if (link.isMember) return;
    link.isMember = true;
    link.previous = this.#last;
    if (this.#last) this.#last.link.next = member;
    else this.#first = member;
    this.#last = member;
    this.#size += 1;
  }

  /** False when it is not a member. */
  delete(member: T): boolean {
    const { link } = member;
    if (!link.isMember) return false;
    if (link.previous) link.previous.link.next = link.next;
    else this.#first = link.next;
    if (link.next) link.next.link.previous = link.previous;
    else this.#last = link.previous;
    link.isMember = false;
    link.previous = undefined;
    link.next = undefined;
    this.#size -= 1;
    return true;
  }

  /** In order of arrival. The member at hand may be deleted meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let member = this.#first; member;) {
      const { next } = member.link;
      yield member;
      member = next;
    }
  }
}
