import type { AbstractHttpAdapter } from '@nestjs/core';
import { EventStream, openStream } from './event-stream.js';

const adapters = new WeakMap<object, AbstractHttpAdapter>();

/** Stores the web framework of a response. */
export function rememberAdapter(response: object, adapter: AbstractHttpAdapter): void {
  adapters.set(response, adapter);
}

/** Sends the body with the status of the route. The guard has stored the web framework. */
export function reply(response: object, body: unknown): void {
  if (body instanceof EventStream) openStream(response, body);
  else adapters.get(response)?.reply(response, body);
}
