import { z } from 'zod';
import { defineMessage, type PayloadOf } from '../../index.js';

export const orderSchema = z.strictObject({
  orderId: z.string().min(1).max(100),
  /** `flaky` and `broken` make billing fail, see the faults module. */
  customer: z.string().min(1).max(100),
  total: z.number().nonnegative(),
});

/** A customer has placed an order. Messages of one order keep their order. */
export const OrderPlaced = defineMessage('orders.placed', orderSchema, { key: (order) => order.orderId });

export type Order = PayloadOf<typeof OrderPlaced>;
