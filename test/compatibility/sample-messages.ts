import { z } from 'zod';
import { defineMessage } from '../../src/core/messaging/index.js';

const schema = z.object({ note: z.string() });
export type Payload = z.infer<typeof schema>;

export const Placed = defineMessage('orders.placed', schema);
export const Refunded = defineMessage('orders.refunded', schema);
export const Reminded = defineMessage('orders.reminded', schema);
export const Cancelled = defineMessage('orders.cancelled', schema);
export const Returned = defineMessage('orders.returned', schema);
export const Paid = defineMessage('orders.paid', schema);
export const Audited = defineMessage('orders.audited', schema);

export const REDIS_PREFIX = 'sample:';
/** Name of the transport in every sample: letters and the spool's topics carry it. */
export const TRANSPORT = 'main';
/** No JSON and no UTF-8. */
export const RAW_BODY = Buffer.from([0x7b, 0x00, 0xff, 0xfe, 0x0d, 0x0a]);

export class Declined extends Error {
  override readonly name = 'Declined';
}
