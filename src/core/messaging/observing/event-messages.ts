import type { RedactedMessage, Redactor } from '../redaction/redactor.js';
import type { MessagingEvent } from './events.js';

/** An event that has the error of one delivery. */
export type DeliveryEvent = Extract<MessagingEvent, { type: 'failed' | 'postponed' }>;

/** Not a member of the event, because observers may log events. */
const messages = new WeakMap<DeliveryEvent, RedactedMessage>();

/** The event, whose error may quote this message. */
export function aboutMessage(event: DeliveryEvent, message: RedactedMessage): DeliveryEvent {
  messages.set(event, message);
  return event;
}

/** The text of an error in an event, as it may be shown: without what is hidden in the message of the event. */
export function shownError(error: Error, event: DeliveryEvent, redactor: Redactor): string {
  return redactor.text(error.message, { topic: event.to.topic, message: messages.get(event) });
}
