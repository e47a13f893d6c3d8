import { createHash } from 'node:crypto';
import { z } from 'zod';
import { OWN_HEADERS, ownText, withoutOwn } from '../../../../core/messaging/ports/headers.js';
import { isName } from '../../../../core/messaging/ports/names.js';
import type { Destination, WireMessage } from '../../../../core/messaging/ports/transport.js';

/** Beside the message's own headers while it is spooled. */
const ADDRESS = OWN_HEADERS.spool;

/** Where a spooled message is to go. */
export interface Address {
  readonly to: Destination;
  /** Key of the message itself. */
  readonly key?: string;
  /** Not before this, in milliseconds since 1970. */
  readonly dueAt?: number;
  /** Which run of the application has spooled it. */
  readonly run: string;
}

/** Messages that have to be sent in order have equal ones. */
export function laneOf(to: Destination, key: string): string {
  return createHash('sha256')
    .update(JSON.stringify([to.topic, to.group ?? null, key]))
    .digest('base64url');
}

/** The message as it is kept in the spool. */
export function wrap(message: WireMessage, lane: string | undefined, address: Address): WireMessage {
  return {
    id: message.id,
    ...(lane === undefined ? {} : { key: lane }),
    headers: { ...message.headers, [ADDRESS.name]: JSON.stringify(address) },
    body: message.body,
  };
}

/** The message as it was published, and where to. Undefined for what cannot be read. */
export function unwrap(
  spooled: WireMessage,
): { readonly message: WireMessage; readonly address: Address } | undefined {
  const text = ownText(spooled.headers, ADDRESS);
  const address = text === undefined ? undefined : parsed(text);
  if (!address) return undefined;
  const { key } = address;
  return {
    message: {
      id: spooled.id,
      ...(key === undefined ? {} : { key }),
      headers: withoutOwn(spooled.headers, ADDRESS),
      body: spooled.body,
    },
    address,
  };
}

const NAME = z.string().refine(isName);
/** Another program may have written it: sending to a place that cannot be named would end the drain. */
const ADDRESS_SCHEMA = z.object({
  to: z.object({ topic: NAME, group: NAME.exactOptional() }),
  key: z.string().exactOptional(),
  dueAt: z.number().transform(Math.ceil).exactOptional(),
  run: z.string(),
});

function parsed(text: string): Address | undefined {
  try {
    return ADDRESS_SCHEMA.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
