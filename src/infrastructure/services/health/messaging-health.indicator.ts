import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { allInside } from '../../../core/messaging/ports/composite-transport.js';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import { DEAD_LETTER_STORE } from '../../../core/messaging/messaging.tokens.js';
import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../core/messaging/messaging.view.js';
import { CachedCheck } from '../checks/cached-check.js';
import { EventLoopWatch } from './assessment/event-loop-watch.js';
import { assessHealth, type HealthFacts, type MessagingHealth } from '../checks/health-assessment.js';
import type { HealthComponent } from '../checks/health-component.js';
import { ForgottenGroups } from '../checks/forgotten-groups.js';
import { HEALTH_INDICATORS, HEALTH_SETTINGS, type HealthSettings } from './health.options.js';
import { TransportChecks } from '../checks/transport-checks.js';

/** An id that no dead letter has; its lookup is the cheapest query of a store. */
const NO_ID = '00000000-0000-7000-8000-000000000000';

type Session = ReturnType<HealthIndicatorService['check']>;
/** Terminus 11 has no degraded state. */
type SessionOfAnyVersion = Omit<Session, 'degraded'> & Partial<Pick<Session, 'degraded'>>;

/** Health of the messaging core. Give `check` to Terminus in a controller of your own, or use ours. */
@Injectable()
export class MessagingHealthIndicator implements OnModuleInit, OnModuleDestroy {
  readonly #transports: TransportChecks;
  readonly #store: CachedCheck;
  readonly #groups: ForgottenGroups;
  readonly #eventLoop = new EventLoopWatch();
  readonly #bornAt = systemClock.monotonic();
  #started = false;

  constructor(
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(DEAD_LETTER_STORE) store: DeadLetterStore,
    @Inject(HEALTH_SETTINGS) private readonly settings: HealthSettings,
    @Inject(HEALTH_INDICATORS) private readonly indicators: HealthIndicatorService,
  ) {
    this.#transports = new TransportChecks(settings);
    this.#groups = new ForgottenGroups(view);
    this.#store = new CachedCheck(() => store.find(NO_ID), settings);
  }

  /** @throws MessagingConfigurationError when a required transport does not exist. */
  onModuleInit(): void {
    const names = allInside(this.view.transports()).map(({ name }) => name);
    const unknown = this.settings.requiredTransports?.filter((name) => !names.includes(name)) ?? [];
    if (unknown.length > 0)
      throw new MessagingConfigurationError(
        unknown.map((name) => `Health requires the transport "${name}"; there are ${names.join(', ')}.`),
      );
    this.#eventLoop.start();
  }

  onModuleDestroy(): void {
    this.#eventLoop.stop();
  }

  /** Runs all checks and assesses them. Resolves within the timeout of the settings and never rejects. */
  async assess(): Promise<MessagingHealth> {
    const [transports, required, deadLetters] = await Promise.all([
      this.#transports.check(this.view.transports()),
      this.#checkRequired(),
      this.#store.check(),
    ]);
    const graceOver = systemClock.monotonic() - this.#bornAt > this.settings.startupGraceMs;
    const health = assessHealth({
      state: this.view.state(),
      transports,
      required,
      subscriptions: this.view.subscriptions(),
      deadLetters,
      forgotten: this.#groups
        .known()
        .filter(({ oldestAgeMs }) => oldestAgeMs > this.settings.forgottenGroupAfterMs),
      problems: this.view.problems(),
      storage: this.view.deadLetterStorage(),
      localStores: this.view.localStores(),
      eventLoop: {
        delayMs: this.#eventLoop.maxDelayMs(),
        maxDelayMs: this.settings.maxEventLoopDelayMs,
      },
      graceOver,
    });
    this.#started ||= health.ready || graceOver;
    return health;
  }

  /** Whether the application has been ready once, or the time limit of its start has passed. */
  async started(): Promise<boolean> {
    if (!this.#started) await this.assess();
    return this.#started;
  }

  /** Checks only this process, so that a liveness probe never restarts it because of a broker. */
  live(): boolean {
    return this.#eventLoop.maxDelayMs() <= this.settings.maxEventLoopDelayMs;
  }

  /**
   * One entry for each component, for `HealthCheckService.check` of Terminus; of `health` if that was assessed
   * before.
   */
  async check(health?: MessagingHealth): Promise<HealthIndicatorResult> {
    const { components } = health ?? (await this.assess());
    return Object.assign(
      {},
      ...Object.entries(components).map(([name, it]) => this.#toTerminus(name, it)),
    ) as HealthIndicatorResult;
  }

  async #checkRequired(): Promise<HealthFacts['required']> {
    const { readiness, requiredTransports: names } = this.settings;
    if (readiness === 'any-path') return 'any';
    if (readiness === 'ignore') return [];
    const all = this.view.transports();
    return this.#transports.check(names ? allInside(all).filter(({ name }) => names.includes(name)) : all);
  }

  #toTerminus(name: string, { status, ...details }: HealthComponent): HealthIndicatorResult {
    const session: SessionOfAnyVersion = this.indicators.check(name);
    if (status === 'up') return session.up(details);
    if (status === 'down') return session.down(details);
    return session.degraded?.(details) ?? session.up({ ...details, degraded: true });
  }
}
