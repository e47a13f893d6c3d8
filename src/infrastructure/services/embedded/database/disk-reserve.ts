import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { writeZeros } from './secure-directory.js';

const RESERVE_BYTES = 512 * 1024;

/**
 * Some disk space held back for the day on which the disk is full.
 *
 * Settling and deleting also need a few new pages. Giving the reserve up leaves room for them, so that consumers can
 * work a full disk empty; publishing stays shut until the reserve could be taken again.
 */
export class DiskReserve {
  readonly #path: string;
  #held = false;

  constructor(directory: string) {
    this.#path = join(directory, 'reserve');
  }

  get held(): boolean {
    return this.#held;
  }

  /** Tries to take the space. False when the disk has not enough. */
  take(): boolean {
    if (this.#held) return true;
    try {
      writeZeros(this.#path, RESERVE_BYTES);
      this.#held = true;
    } catch {
      this.giveUp();
    }
    return this.#held;
  }

  giveUp(): void {
    this.#held = false;
    try {
      unlinkSync(this.#path);
    } catch {
      // It was not there.
    }
  }
}
