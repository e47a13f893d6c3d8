import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { SubscriptionControlService } from '../../../../core/messaging/control/subscription-control.service.js';
import { DEAD_LETTER_STORE, MESSAGING_CLOCK } from '../../../../core/messaging/messaging.tokens.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../../core/messaging/messaging.view.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { allInside, isComposite } from '../../../../core/messaging/ports/composite-transport.js';
import type { DeadLetterCount, DeadLetterStore } from '../../../../core/messaging/ports/dead-letter-store.js';
import type { Clock, Transport } from '../../../../core/messaging/ports/transport.js';
import { Backlogs, type SampledBacklogs } from '../../checks/backlogs.js';
import { CachedCheck, type CheckResult } from '../../checks/cached-check.js';
import { ForgottenGroups } from '../../checks/forgotten-groups.js';
import { assessHealth } from '../../checks/health-assessment.js';
import { MAX_SPAN_MS, RecentCounts, type TrafficCounts } from '../../checks/recent-counts.js';
import { type TransportCheck, TransportChecks } from '../../checks/transport-checks.js';
import { timeOf } from '../http/answers.js';
import type { Overview } from './overview-answers.js';

const CACHE_MS = 1_000;
/** What took long to read is read less often. */
const CACHE_PER_READ = 5;
/** For each question to a store or a broker. */
const DEADLINE_MS = 2_000;
const MAX_ITEMS = 20;
/** As the defaults of health. */
const GRACE_MS = 30_000;
const FORGOTTEN_AFTER_MS = 600_000;

interface Stock {
  readonly counts: readonly DeadLetterCount[];
  readonly lastHour: number;
}

/** Reads the state of the application at a glance, for any number of callers at most once a second. */
@Injectable()
export class OverviewService implements OnModuleInit, OnModuleDestroy {
  readonly #startedAt = systemClock.now();
  readonly #bornAt = systemClock.monotonic();
  readonly #transports = new TransportChecks({ cacheMs: CACHE_MS, timeoutMs: DEADLINE_MS });
  readonly #backlogs: Backlogs;
  readonly #forgotten: ForgottenGroups;
  readonly #counts = new RecentCounts(systemClock);
  readonly #storeCheck: CachedCheck;
  #stock: Stock | undefined;
  #last: Overview | undefined;
  #freshUntil = -Infinity;
  #reading: Promise<Overview> | undefined;
  #ignore = (): void => undefined;

  constructor(
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(DEAD_LETTER_STORE) private readonly store: DeadLetterStore,
    @Inject(MESSAGING_CLOCK) clock: Clock,
    private readonly control: SubscriptionControlService,
  ) {
    this.#backlogs = new Backlogs(view, { deadlineMs: DEADLINE_MS });
    this.#forgotten = new ForgottenGroups(view);
    this.#storeCheck = new CachedCheck(
      async () => {
        const [counts, lastHour] = await Promise.all([
          store.stats(),
          store.count({ from: clock.now() - 3_600_000 }),
        ]);
        this.#stock = { counts, lastHour };
      },
      { cacheMs: 0, timeoutMs: DEADLINE_MS },
    );
  }

  onModuleInit(): void {
    this.#ignore = this.view.observe(this.#counts);
  }

  onModuleDestroy(): void {
    this.#ignore();
  }

  /** Resolves within a few seconds, whatever does not answer, and never rejects. */
  async read(): Promise<Overview> {
    const began = systemClock.monotonic();
    if (this.#last && began < this.#freshUntil) return this.#last;
    this.#reading ??= this.#read().then((overview) => {
      const now = systemClock.monotonic();
      this.#freshUntil = now + Math.max(CACHE_MS, CACHE_PER_READ * (now - began));
      this.#reading = undefined;
      return (this.#last = overview);
    });
    return this.#reading;
  }

  async #read(): Promise<Overview> {
    const [transports, stored, backlogs] = await Promise.all([
      this.#transports.check(this.view.transports()),
      this.#storeCheck.check(),
      this.#backlogs.read(),
    ]);
    const subscriptions = this.view.subscriptions();
    const state = this.view.state();
    const problems = this.view.problems();
    const { status, components } = assessHealth({
      ...{ state, transports, subscriptions, problems },
      required: 'any',
      deadLetters: stored,
      storage: this.view.deadLetterStorage(),
      localStores: this.view.localStores(),
      forgotten: this.#forgotten.known().filter(({ oldestAgeMs }) => oldestAgeMs > FORGOTTEN_AFTER_MS),
      graceOver: systemClock.monotonic() - this.#bornAt > GRACE_MS,
    });
    const isDraining = state === 'draining' || subscriptions.some((one) => one.state === 'drained');
    return {
      at: timeOf(systemClock.now()),
      ...{ status, state },
      startedAt: timeOf(this.#startedAt),
      draining: { scope: 'process', isDraining },
      transports: { scope: 'process', items: transports.map(viewOfTransport) },
      problems: {
        scope: 'process',
        total: problems.length,
        // Without the detail, which may name hosts.
        items: problems.slice(0, MAX_ITEMS).map(({ detail: _, ...problem }) => problem),
      },
      spools: spoolsOf(this.view.transports()),
      backlogs: this.view.transports().map((transport) => backlogOf(transport, backlogs)),
      deadLetters: this.#deadLetters(stored),
      traffic: this.#traffic(),
      paused: this.#paused(),
      killSwitches: this.#killSwitches(),
      components,
    };
  }

  #deadLetters({ up, errorCode }: CheckResult): Overview['deadLetters'] {
    const scope = this.store.isLocal === true ? 'process' : 'shared';
    if (!up || !this.#stock) return { scope, errorCode: errorCode ?? 'STORE_UNAVAILABLE' };
    const { counts, lastHour } = this.#stock;
    const pending = counts.filter(({ status }) => status === 'failed');
    return {
      scope,
      total: sum(counts, ({ count }) => count),
      pending: sum(pending, ({ count }) => count),
      lastHour,
      ...(pending.length > 0 && {
        oldestPendingAt: timeOf(Math.min(...pending.map(({ oldestAt }) => oldestAt))),
      }),
    };
  }

  #traffic(): Overview['traffic'] {
    const ageMs = systemClock.monotonic() - this.#bornAt;
    const over = (spanMs: number, counts: TrafficCounts) => ({
      seconds: Math.round(Math.min(spanMs, ageMs) / 1_000),
      ...counts,
    });
    return {
      scope: 'process',
      sinceStart: over(Infinity, this.#counts.total()),
      lastMinute: over(60_000, this.#counts.last(60_000)),
      lastFiveMinutes: over(MAX_SPAN_MS, this.#counts.last(MAX_SPAN_MS)),
    };
  }

  #paused(): Overview['paused'] {
    const paused = this.control.paused().map(({ topic, group, pause: { reason, by, since, until } }) => ({
      ...{ topic, group, reason, by },
      since: timeOf(since),
      until: timeOf(until),
    }));
    return {
      scope: this.control.scope,
      isCurrent: this.control.isCurrent,
      total: paused.length,
      items: paused.slice(0, MAX_ITEMS),
    };
  }

  #killSwitches(): Overview['killSwitches'] {
    const open = this.view.subscriptions().flatMap(({ to, transport, killSwitch }) => {
      if (killSwitch?.isOpen !== true) return [];
      const { since, errorType, held } = killSwitch;
      return [
        {
          ...{ topic: to.topic, group: to.group, handler: to.handler, transport, held },
          ...(errorType !== undefined && { errorType }),
          ...(since !== undefined && { since: timeOf(since) }),
        },
      ];
    });
    return { scope: 'process', total: open.length, items: open.slice(0, MAX_ITEMS) };
  }
}

function viewOfTransport({ transport, result }: TransportCheck): Overview['transports']['items'][number] {
  const { name, system } = transport;
  const { up, since, errorCode } = result;
  const state = isComposite(transport) ? transport.state() : undefined;
  return {
    ...{ name, system, isUp: up },
    since: timeOf(since),
    ...(errorCode !== undefined && { errorCode }),
    ...(state && {
      active: [...state.active],
      failing: state.members.filter(({ works }) => !works).map((member) => member.name),
    }),
  };
}

function spoolsOf(transports: readonly Transport[]): Overview['spools'] {
  const items = allInside(transports).flatMap((transport) => {
    const spool = isComposite(transport) ? transport.state().spool : undefined;
    if (!spool) return [];
    const { disk: _, ...figures } = spool;
    return [{ transport: transport.name, ...figures }];
  });
  return { scope: 'process', messages: sum(items, ({ messages }) => messages), items };
}

function backlogOf(transport: Transport, { found, missing }: SampledBacklogs): Overview['backlogs'][number] {
  const { name } = transport;
  const own = found.filter((one) => one.transport === name);
  const isLocal = allInside([transport]).every((one) => isComposite(one) || one.isLocal === true);
  const [oldest] = own
    .map(({ to, backlog }) => ({ topic: to.topic, group: to.group, ageMs: backlog.oldestAgeMs ?? -1 }))
    .filter(({ ageMs }) => ageMs >= 0)
    .sort((one, other) => other.ageMs - one.ageMs);
  return {
    transport: name,
    scope: isLocal ? 'process' : 'shared',
    ready: sum(own, ({ backlog }) => backlog.ready),
    inFlight: sum(own, ({ backlog }) => backlog.inFlight),
    delayed: sum(own, ({ backlog }) => backlog.delayed),
    ...(oldest && { oldest }),
    groups: own.length,
    unanswered: missing.filter((one) => one.transport === name).length,
  };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
