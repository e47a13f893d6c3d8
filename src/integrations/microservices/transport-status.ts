import { distinctUntilChanged, Observable } from 'rxjs';
import type { MessagingView, TransportEvent } from '../../core/messaging/index.js';

/** What `status` of server and client emits, of any transport of the application. */
export type SwitchyardStatus = 'connected' | 'disconnected' | 'blocked' | 'switched';

/** Listeners of events of transports, by the type of the event. */
export type SwitchyardEvents = {
  readonly [E in TransportEvent as E['type']]: (event: E, transport: string) => void;
};

/** Changes of the connections from now on. */
export function statusOf(view: () => MessagingView): Observable<SwitchyardStatus> {
  return new Observable<SwitchyardStatus>((subscriber) =>
    view().observe({
      on: (event) => {
        const status = event.type === 'transport' ? statusAfter(event.event) : undefined;
        if (status !== undefined) subscriber.next(status);
      },
    }),
  ).pipe(distinctUntilChanged());
}

/** Calls the listener with each event of the type, until the application ends. */
export function listenTo<E extends keyof SwitchyardEvents>(
  view: MessagingView,
  type: E,
  listener: SwitchyardEvents[E],
): void {
  view.observe({
    on: (event) => {
      if (event.type !== 'transport' || event.event.type !== type) return;
      (listener as (event: TransportEvent, transport: string) => void)(event.event, event.transport);
    },
  });
}

function statusAfter({ type }: TransportEvent): SwitchyardStatus | undefined {
  if (type === 'unblocked') return 'connected';
  return type === 'connected' || type === 'disconnected' || type === 'blocked' || type === 'switched'
    ? type
    : undefined;
}
