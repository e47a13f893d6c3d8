import { InvalidMessageError } from '../ports/errors.js';
import type { Destination, PublishOutcome, WireMessage } from '../ports/transport.js';
import { assertName } from '../ports/names.js';

/** Bodies that are smaller than the limit by this much need no count of headers: the core bounds those to less. */
const MAX_METADATA_BYTES = 128 * 1024;

/** @throws InvalidMessageError unless topic and group can be names. */
export function assertDestination({ topic, group }: Destination): void {
  assertName('topic', topic);
  if (group !== undefined) assertName('group', group);
}

/** Whether the headers have to be counted to know that all of them fit. */
export function mayBeTooLarge(messages: readonly WireMessage[], maxMessageBytes: number): boolean {
  const safeBytes = maxMessageBytes - MAX_METADATA_BYTES;
  for (const { body } of messages) if (body.length > safeBytes) return true;
  return false;
}

/** The refusal of a message that is larger than the transport takes. */
export function tooLarge(
  { id, headers, body, key }: WireMessage,
  transport: { readonly name: string; readonly maxMessageBytes: number },
): PublishOutcome | undefined {
  const { name, maxMessageBytes } = transport;
  let bytes = body.length + id.length + (key?.length ?? 0);
  for (const [header, value] of Object.entries(headers)) bytes += header.length + value.length;
  if (bytes <= maxMessageBytes) return undefined;
  const text = `Message ${id} has ${bytes} bytes; transport "${name}" takes ${maxMessageBytes}. Send a reference instead, or raise maxMessageBytes.`;
  return { kind: 'refused', error: new InvalidMessageError('MESSAGE_TOO_LARGE', text) };
}
