import type { MessagingState, SubscriptionView } from '../../../../core/messaging/messaging.view.js';
import { isComposite } from '../../../../core/messaging/ports/composite-transport.js';
import type { TransportProblem } from '../../../../core/messaging/ports/transport.js';
import type { CheckResult } from '../../checks/cached-check.js';
import { withMembers } from './composite-component.js';
import type { ForgottenGroup } from '../../checks/forgotten-groups.js';
import type { HealthComponent } from './health-component.js';
import type { TransportCheck } from '../../checks/transport-checks.js';

/** What is known at one moment. */
export interface HealthFacts {
  readonly state: MessagingState;
  readonly transports: readonly TransportCheck[];
  /** Those without which no requests may be sent here, none of them if nothing outside of the process counts. */
  readonly required: readonly TransportCheck[] | 'any';
  readonly subscriptions: readonly SubscriptionView[];
  readonly deadLetters: CheckResult;
  /** What transports know to be wrong on their brokers. */
  readonly problems: readonly ReportedProblem[];
  /** Those that are old enough to be told. */
  readonly forgotten: readonly ForgottenGroup[];
  readonly eventLoopDelayMs: number;
  readonly maxEventLoopDelayMs: number;
  /** Whether the time that a start may take is over. */
  readonly graceOver: boolean;
}

/** A problem, and the transport that reports it. */
export type ReportedProblem = Omit<TransportProblem, 'detail'> & { readonly transport: string };

const MAX_NAMES = 20;

export interface MessagingHealth {
  readonly status: 'ok' | 'degraded' | 'error' | 'shutting_down';
  /** The process itself works; nothing outside is looked at. */
  readonly live: boolean;
  /** Requests may be sent here: messages can be published on at least one transport, or on all that are required. */
  readonly ready: boolean;
  readonly components: Readonly<Record<string, HealthComponent>>;
}

/**
 * Judges the facts. A transport that is down degrades as long as another is up: failing for it would take every
 * instance out of service at once, and a degraded application is better than none.
 */
export function assessHealth(facts: HealthFacts): MessagingHealth {
  const isUp = ({ result }: TransportCheck): boolean => result.up;
  const anyPath = facts.transports.length === 0 || facts.transports.some(isUp);
  const hasRequired = facts.required === 'any' ? anyPath : facts.required.every(isUp);
  const live = facts.eventLoopDelayMs <= facts.maxEventLoopDelayMs;
  const components: Record<string, HealthComponent> = {
    messaging: lifecycle(facts),
    ...transportComponents(facts, anyPath),
    ...(hasRequired || !anyPath ? {} : { 'messaging-required': missingRequired(facts) }),
    'messaging-consumers': consumers(facts),
    'messaging-groups': groups(facts),
    'messaging-problems': problemsOf(facts),
    'messaging-dead-letters': dependency(facts.deadLetters, 'degraded'),
    'event-loop': { status: live ? 'up' : 'down', maxDelayMs: Math.round(facts.eventLoopDelayMs) },
  };
  return {
    status: overall(facts, components),
    live,
    ready: facts.state === 'running' && hasRequired && live,
    components,
  };
}

function overall(
  { state }: HealthFacts,
  components: Readonly<Record<string, HealthComponent>>,
): MessagingHealth['status'] {
  if (state === 'draining' || state === 'stopped') return 'shutting_down';
  const statuses = Object.values(components).map(({ status }) => status);
  if (statuses.includes('down')) return 'error';
  return statuses.includes('degraded') ? 'degraded' : 'ok';
}

function lifecycle({ state, graceOver }: HealthFacts): HealthComponent {
  if (state === 'running') return { status: 'up', state };
  return { status: state === 'starting' && graceOver ? 'degraded' : 'down', state };
}

function transportComponents({ transports }: HealthFacts, anyPath: boolean): Record<string, HealthComponent> {
  return Object.fromEntries(
    transports.map(({ transport, result }) => {
      const component = { ...dependency(result, anyPath ? 'degraded' : 'down'), system: transport.system };
      const name = `messaging:${transport.name}`;
      return [name, isComposite(transport) ? withMembers(component, transport.state()) : component];
    }),
  );
}

function missingRequired({ required }: HealthFacts): HealthComponent {
  const missing = required === 'any' ? [] : required.filter(({ result }) => !result.up);
  return { status: 'down', missing: missing.map(({ transport }) => transport.name) };
}

function consumers({ subscriptions, state }: HealthFacts): HealthComponent {
  const missing = subscriptions.filter((subscription) => subscription.state !== 'running');
  const counts = { running: subscriptions.length - missing.length, expected: subscriptions.length };
  if (state !== 'running' || missing.length === 0) return { status: 'up', ...counts };
  const names = missing
    .slice(0, MAX_NAMES)
    .map(({ to, transport }) => `${to.topic}/${to.group} on ${transport}`);
  return { status: 'degraded', ...counts, missing: names };
}

function groups({ forgotten }: HealthFacts): HealthComponent {
  if (forgotten.length === 0) return { status: 'up' };
  const names = forgotten.slice(0, MAX_NAMES).map(nameOfForgotten);
  return { status: 'degraded', count: forgotten.length, forgotten: names };
}

function problemsOf({ problems }: HealthFacts): HealthComponent {
  if (problems.length === 0) return { status: 'up' };
  const names = problems.slice(0, MAX_NAMES).map(nameOfProblem);
  return { status: 'degraded', count: problems.length, problems: names };
}

/** Without its detail, which may name hosts: the log has it. */
function nameOfProblem({ code, topic, group, transport }: ReportedProblem): string {
  const place = [topic, group].filter((part) => part !== undefined).join('/');
  return `${place === '' ? '' : `${place} `}on ${transport}: ${code}`;
}

function nameOfForgotten({ topic, group, transport, messages }: ForgottenGroup): string {
  return `${topic}/${group} on ${transport}: ${messages} messages`;
}

function dependency(result: CheckResult, whenDown: 'degraded' | 'down'): HealthComponent {
  const times = { since: new Date(result.since).toISOString(), ...lastSuccess(result) };
  if (result.up) return { status: 'up', ...times };
  return { status: whenDown, state: 'unavailable', errorClass: result.errorCode ?? 'Error', ...times };
}

function lastSuccess({ lastSuccessAt }: CheckResult): { readonly lastSuccessAt?: string } {
  return lastSuccessAt === undefined ? {} : { lastSuccessAt: new Date(lastSuccessAt).toISOString() };
}
