import type { PublishOutcome, Transport, WireMessage } from './transport.js';

/** Called with every reply that arrives. Must not throw. */
export type OnReply = (reply: WireMessage) => void;

/** Where replies to the requests of this process arrive. */
export interface Inbox {
  /**
   * What a request carries so that its reply finds the way: one part for each transport inside. May change, for example with a
   * connection, so it is read for every request. Empty while no reply could arrive.
   */
  readonly address: string;
  close(): Promise<void>;
}

export interface ReplyOptions {
  /** Longest time until the outcome is known. */
  readonly deadlineMs: number;
}

/**
 * Offered besides {@link Transport} by transports that can carry a reply to the process that asked. A reply need not survive that
 * process, because its asker is gone then.
 */
export interface Replies {
  /** Opens an inbox, and keeps it open through reconnects. Rejects when the broker cannot be reached now. */
  openInbox(onReply: OnReply): Promise<Inbox>;

  /**
   * Sends a reply to the inbox with this address; never rejects. `refused` when there is no such inbox: its process is gone, or
   * the address is none of an inbox. `unavailable` and `unknown` are worth another try.
   */
  reply(address: string, reply: WireMessage, options: ReplyOptions): Promise<PublishOutcome>;

  /** Whether any group has subscribed to the topic so far, in this process or another. Rejects when that cannot be found out. */
  isSubscribed(topic: string): Promise<boolean>;
}

export function carriesReplies(transport: Transport): transport is Transport & Replies {
  return 'openInbox' in transport && 'isSubscribed' in transport;
}

type Identity = Pick<Transport, 'name' | 'system'>;

/** The address of a place of a transport. A place has no spaces. */
export function inboxAddress({ name, system }: Identity, place: string): string {
  return `${name}:${system}:${place}`;
}

/** The address of all of these. */
export function joinAddresses(addresses: readonly string[]): string {
  return addresses.filter((address) => address !== '').join(' ');
}

/** Finds the places of a transport in addresses. Remembers the last, which the next reply mostly has too. */
export class InboxPlaces {
  #address = '';
  #places: readonly string[] = [];

  constructor(private readonly transport: Identity) {}

  /**
   * Those under the name of the transport, else of any transport of the same kind, because another process may give its transports
   * other names.
   */
  in(address: string): readonly string[] {
    if (address !== this.#address) {
      const { name, system } = this.transport;
      const parts = address.split(' ').map((part) => part.split(':'));
      const same = parts.filter(([, kind]) => kind === system);
      const named = same.filter(([of]) => of === name);
      this.#places = (named.length > 0 ? named : same).map(([, , ...place]) => place.join(':'));
      this.#address = address;
    }
    return this.#places;
  }
}
