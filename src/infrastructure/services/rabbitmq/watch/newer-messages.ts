import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { withoutControlHeaders } from '../../../../core/messaging/ports/headers.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { ConfirmChannel, Message, Options } from '../client/amqplib-client.js';
import { endChannel, withReplyTimeout } from '../connection/channel-calls.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { declareChanges } from '../topology/group-changes.js';
import type { Topology } from '../topology/topology.js';

const RETRY_BACKOFF = { minMs: 100, maxMs: 5_000 } as const;
/** A message that is handed over is handed over again after this: its announcement may be lost. It may be handled twice then. */
const AGAIN_MS = 300_000;

/** Formats of which earlier versions may hand messages over to this one: none for the first, which all of them read. */
export function handedOverFormats(): number[] {
  return Array.from({ length: FORMATS.message - 1 }, (_, index) => index + 2);
}

/** Hands messages of a newer version over to processes of that version, as they are, and announces what was handled. */
export class NewerMessages {
  #channel: Promise<ConfirmChannel> | undefined;
  /** Queues that returned a message since it was written. */
  readonly #missing = new Set<string>();
  /** By place: called when it is handled. */
  readonly #waiting = new Map<string, () => void>();

  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly topology: Topology,
    private readonly clock: Clock,
  ) {}

  /** Resolves once the queue has the message. Without control headers where these are not believed. */
  async setAside(raw: Message, queue: string, from: { readonly isPublic: boolean }): Promise<void> {
    await this.topology.newerQueue(queue);
    await this.#publish('', queue, raw.content, carriedOf(raw, from));
  }

  /** As {@link setAside}, tried until it works. False when the delivery is not ours any more. */
  async handOver(
    raw: Message,
    queue: string,
    from: {
      readonly isPublic: boolean;
      readonly isOurs: () => boolean;
      readonly failed: (error: unknown) => void;
    },
  ): Promise<boolean> {
    for (let failures = 0; from.isOurs(); failures += 1) {
      try {
        await this.setAside(raw, queue, from);
        return true;
      } catch (error) {
        from.failed(error);
        await pause(backoffMs(failures, RETRY_BACKOFF), this.clock);
      }
    }
    return false;
  }

  /** Hands it over and waits until it is handled, so that nothing behind it of its queue is. */
  async handOverInOrder(
    raw: Message,
    queue: string,
    from: Parameters<NewerMessages['handOver']>[2],
  ): Promise<boolean> {
    const place = placeOf(raw, queue);
    const handled = new Promise<true>((resolve) => this.#waiting.set(place, () => resolve(true)));
    try {
      while (await this.handOver(raw, queue, from)) {
        const isHandled = await this.#within(handled, from.isOurs);
        if (isHandled) return true;
      }
      return false;
    } finally {
      this.#waiting.delete(place);
    }
  }

  /** Announces that a message of such a queue is handled. Before it is acknowledged, so that the announcement is not lost. */
  async announce(raw: Message, queue: string): Promise<void> {
    const { names } = this.topology;
    const body = Buffer.from(JSON.stringify({ settled: placeOf(raw, queue) }));
    const channel = await this.#open();
    await declareChanges(channel, names);
    await this.#publish(names.groupChanges, '', body, { contentType: 'application/json' });
  }

  /** An announcement has arrived. */
  settled(place: string): void {
    this.#waiting.get(place)?.();
  }

  close(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    void channel?.then(endChannel, () => undefined);
  }

  async #within(handled: Promise<true>, isOurs: () => boolean): Promise<boolean> {
    for (const until = this.clock.monotonic() + AGAIN_MS; this.clock.monotonic() < until && isOurs();)
      if (await Promise.race([handled, pause(LOOK_MS, this.clock)])) return true;
    return false;
  }

  #open(): Promise<ConfirmChannel> {
    this.#channel ??= this.connection.openConfirmChannel().then(
      (channel) => {
        const ended = (): void => void (this.#channel = undefined);
        channel.once('close', ended).on('error', ended);
        channel.on('return', (returned: Message) => this.#missing.add(returned.fields.routingKey));
        return channel;
      },
      (error: unknown) => {
        this.#channel = undefined;
        throw error;
      },
    );
    return this.#channel;
  }

  async #publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: Options.Publish,
  ): Promise<void> {
    const channel = await this.#open();
    const isForQueue = exchange === '';
    const options = { ...properties, mandatory: isForQueue, persistent: true };
    await withReplyTimeout(
      new Promise<void>((resolve, reject) => {
        channel.publish(exchange, routingKey, body, options, (error: unknown) =>
          error ? reject(error instanceof Error ? error : new Error(errorCodeOf(error))) : resolve(),
        );
      }),
    );
    if (!isForQueue || !this.#missing.delete(routingKey)) return;
    this.topology.forget();
    throw new MessagingError(
      'TRANSPORT_UNAVAILABLE',
      `${this.connection.label} no longer has the queue "${routingKey}".`,
    );
  }
}

const LOOK_MS = 250;

/** Names a message in a queue for newer versions. */
function placeOf({ properties }: Message, queue: string): string {
  return `${queue} ${String(properties.messageId)}`;
}

/** Properties that may be published again: the others belong to the one delivery. */
const CARRIED = new Set([
  'messageId',
  'type',
  'appId',
  'correlationId',
  'contentType',
  'contentEncoding',
  'timestamp',
  'replyTo',
]);

function carriedOf({ properties }: Message, { isPublic }: { readonly isPublic: boolean }): Options.Publish {
  const given = Object.entries(properties).filter(
    ([name, value]) => CARRIED.has(name) && value !== undefined,
  );
  const headers = (properties.headers ?? {}) as Readonly<Record<string, unknown>>;
  const believed = isPublic ? withoutControlHeaders(headers).headers : headers;
  return { ...(Object.fromEntries(given) as Options.Publish), headers: believed };
}
