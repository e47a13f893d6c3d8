import type { ModuleMetadata } from '@nestjs/common';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { TransportProblem } from '../../src/core/messaging/ports/transport.js';
import {
  MESSAGING_VIEW,
  type MessagingEvent,
  type MessagingModuleOptions,
  type MessagingView,
  TransportEventRelay,
} from '../../src/core/messaging/index.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { authorizer, bootOperations, jsonOf, type OperationsApp } from '../support/operations-app.js';
import { read } from '../support/scraped.js';

/** Name of the transport of {@link bootRabbitmq}. */
export const RABBIT = 'rabbit';

/** An application on RabbitMQ, with all that operators see of it. */
export interface RabbitmqApp extends OperationsApp {
  readonly transport: RabbitmqTransport;
  readonly events: readonly MessagingEvent[];
  /** Problems with this code that were reported, also those that are solved. */
  readonly reported: (code: string) => readonly TransportProblem[];
  readonly seen: () => Promise<Seen>;
}

/** What health, view and metrics say at one moment. */
interface Seen {
  readonly health: string;
  /** Problems that health lists. */
  readonly problems: readonly string[];
  readonly transport: string;
  readonly states: readonly string[];
  /** Metric `messaging_consumers` of all groups together. */
  readonly consumers: number;
  /** Metric `messaging_transport_up`. */
  readonly up: number;
}

/** Closed by `closeOperations`. */
export async function bootRabbitmq(
  options: object,
  metadata: ModuleMetadata,
  more: Partial<MessagingModuleOptions> = {},
): Promise<RabbitmqApp> {
  const relay = new TransportEventRelay();
  const events: MessagingEvent[] = [];
  const transport = new RabbitmqTransport(rabbitmqOptionsSchema.parse(options), {
    name: RABBIT,
    clock: systemClock,
    onEvent: relay.listenerFor(RABBIT),
    keepRefused: relay.keepRefused,
  });
  const booted = await bootOperations(
    {
      ...metadata,
      imports: [HealthModule.forRoot({ authorizer, cacheMs: 0 }), MetricsModule.forRoot()],
    },
    {
      transports: [transport],
      transportEvents: relay,
      observers: [{ on: (event) => events.push(event) }],
      ...more,
    },
  );
  const view = booted.app.get<MessagingView>(MESSAGING_VIEW);
  return {
    ...booted,
    transport,
    events,
    reported: (code) =>
      events.flatMap((event) =>
        event.type === 'transport' && event.event.type === 'problem' && event.event.problem.code === code
          ? [event.event.problem]
          : [],
      ),
    seen: async () => {
      const headers = { authorization: 'Bearer viewer' };
      const { status, info, error } = await jsonOf(await fetch(`${booted.url}/health`, { headers }));
      const text = await (await fetch(`${booted.url}/metrics`)).text();
      const components = { ...info, ...error };
      return {
        health: status,
        problems: components['messaging-problems']?.problems ?? [],
        transport: components[`messaging:${RABBIT}`]?.status,
        states: view.subscriptions().map(({ state }) => state),
        consumers: view
          .subscriptions()
          .reduce(
            (sum, { to: { topic, group } }) => sum + read(text, 'messaging_consumers', { topic, group }),
            0,
          ),
        up: read(text, 'messaging_transport_up', { transport: RABBIT }),
      };
    },
  };
}
