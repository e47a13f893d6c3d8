import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { MESSAGING_VIEW, type MessagingView } from '../../../../core/messaging/messaging.view.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { MessagingEvent, MessagingObserver } from '../../../../core/messaging/observing/events.js';
import { EventFeed } from './event-feed.js';
import { feedEventOf } from './feed-events.js';

/** Feeds watchers with what happens in this process, until it ends. */
@Injectable()
export class EventService implements MessagingObserver, OnModuleInit, OnModuleDestroy {
  readonly feed = new EventFeed(systemClock);
  #ignore = (): void => undefined;

  constructor(@Inject(MESSAGING_VIEW) private readonly view: MessagingView) {}

  onModuleInit(): void {
    this.#ignore = this.view.observe(this);
  }

  /** Before the server closes, which waits for open connections. */
  onModuleDestroy(): void {
    this.#ignore();
    this.feed.close();
  }

  on(event: MessagingEvent): void {
    const shown = feedEventOf(event);
    if (shown) this.feed.publish(shown);
  }
}
