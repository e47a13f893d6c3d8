/** Writes times as ISO 8601, each millisecond once: formatting dates is among the larger costs of a publish. */
export class TimeText {
  #ms = -1;
  #text = '';

  of(nowMs: number): string {
    if (nowMs !== this.#ms) {
      this.#ms = nowMs;
      this.#text = new Date(nowMs).toISOString();
    }
    return this.#text;
  }
}
