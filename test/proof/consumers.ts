import { Inject, Injectable } from '@nestjs/common';
import {
  type DeadLetterService,
  type DeadLetterSummary,
  HEADER,
  MessageContext,
  MessageHandler,
  PermanentError,
} from '../../src/core/messaging/index.js';
import { History } from './history.js';
import { Keyed, paddingOf, type Payload, Plain, Strict, UNTIL_REPLAYED } from './workload.js';

const POLICY = { attempts: 10, backoff: { type: 'fixed', delayMs: 300 } } as const;

/** Handles what is published, and writes down what it sees before the broker may learn of it. */
@Injectable()
export class ProofHandlers {
  constructor(@Inject(History) private readonly history: History) {}

  @MessageHandler(Keyed, { group: 'ledger', ordering: 'key', concurrency: 8, ...POLICY })
  ledger(payload: Payload, context: MessageContext): Promise<void> {
    return this.#handled(payload, context);
  }

  @MessageHandler(Strict, { group: 'vault', ordering: 'key', concurrency: 8, ...POLICY })
  vault(payload: Payload, context: MessageContext): Promise<void> {
    return this.#handled(payload, context);
  }

  @MessageHandler(Plain, { group: 'mail', concurrency: 16, ...POLICY })
  mail(payload: Payload, context: MessageContext): Promise<void> {
    return this.#handled(payload, context);
  }

  @MessageHandler(Plain, { group: 'audit', concurrency: 16, ...POLICY })
  async audit(payload: Payload, context: MessageContext): Promise<void> {
    const { fate } = payload;
    if (fate === 'succeeds') return this.#handled(payload, context);
    await this.#delivered(payload, context);
    if (fate === 'fails twice' && context.attempt < 3) throw new Error('This one fails twice.');
    const wasReplayed = context.headers[HEADER.deadLetterId] !== undefined;
    if (fate === 'is poison' || (fate === UNTIL_REPLAYED && !wasReplayed))
      throw new PermanentError(`This one ${fate}.`);
    await this.history.note({ e: 'h', id: context.messageId, group: context.group });
  }

  /** Both on disk at once, and before the broker may learn that it is handled. */
  async #handled(payload: Payload, context: MessageContext): Promise<void> {
    void this.#delivered(payload, context);
    await this.history.note({ e: 'h', id: context.messageId, group: context.group });
  }

  #delivered({ padding }: Payload, { messageId: id, group }: MessageContext): Promise<void> {
    const isForged = padding !== paddingOf(id);
    return this.history.note({ e: 'd', id, group, ...(isForged ? { isForged } : {}) });
  }
}

/** Writes down what was parked, and replays what waits for it, as an operator would. */
export class DeadLetterKeeper {
  readonly #noted = new Set<string>();

  constructor(
    private readonly deadLetters: DeadLetterService,
    private readonly history: History,
  ) {}

  /** Also what an earlier run of the process has parked, which may have died before it could write that down. */
  async look(): Promise<void> {
    for (let after: string | undefined; ;) {
      const page = await this.deadLetters.list({}, { limit: 200, ...(after === undefined ? {} : { after }) });
      for (const deadLetter of page.items) await this.#see(deadLetter);
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  async #see({ id, messageId, group, status, error }: DeadLetterSummary): Promise<void> {
    if (!this.#noted.has(id)) await this.history.note({ e: 'q', id: messageId, group });
    this.#noted.add(id);
    if (status !== 'failed' || !error.message.includes(UNTIL_REPLAYED)) return;
    await this.deadLetters.replay(id, { actor: 'proof' }).catch(() => undefined); // its broker may be gone just now
  }
}
