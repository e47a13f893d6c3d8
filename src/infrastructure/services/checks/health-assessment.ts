import type { DeadLetterStorage } from '../../../core/messaging/ports/dead-letter-limits.js';
import { lowerOf } from '../../../core/messaging/ports/dead-letter-filter.js';
import type {
  LocalStore,
  MessagingState,
  ReportedProblem,
  SubscriptionView,
} from '../../../core/messaging/messaging.view.js';
import { isComposite } from '../../../core/messaging/ports/composite-transport.js';
import type { CheckResult } from './cached-check.js';
import { withMembers } from './composite-component.js';
import type { ForgottenGroup } from './forgotten-groups.js';
import type { HealthComponent } from './health-component.js';
import type { TransportCheck } from './transport-checks.js';

/** The facts of one moment. */
export interface HealthFacts {
  readonly state: MessagingState;
  readonly transports: readonly TransportCheck[];
  /** Transports that readiness depends on; empty if only the process counts. */
  readonly required: readonly TransportCheck[] | 'any';
  readonly subscriptions: readonly SubscriptionView[];
  readonly deadLetters: CheckResult;
  readonly storage: DeadLetterStorage;
  readonly localStores: readonly LocalStore[];
  /** Problems that transports report about their brokers. */
  readonly problems: readonly ReportedProblem[];
  /** Groups that are old enough to be reported. */
  readonly forgotten: readonly ForgottenGroup[];
  /** Absent where it is not measured. */
  readonly eventLoop?: { readonly delayMs: number; readonly maxDelayMs: number };
  /** Whether the time limit of the start has passed. */
  readonly graceOver: boolean;
}

const MAX_NAMES = 20;

export interface MessagingHealth {
  readonly status: 'ok' | 'degraded' | 'error' | 'shutting_down';
  /** The process works; external systems are not considered. */
  readonly live: boolean;
  /** The instance can serve requests: messages can be published on at least one transport, or on all required ones. */
  readonly ready: boolean;
  readonly components: Readonly<Record<string, HealthComponent>>;
}

/**
 * Assesses the facts. A transport that is down only degrades while another is up: an error would take all instances
 * out of service at once, and a degraded application is better than none.
 */
export function assessHealth(facts: HealthFacts): MessagingHealth {
  const isUp = ({ result }: TransportCheck): boolean => result.up;
  const anyPath = facts.transports.length === 0 || facts.transports.some(isUp);
  const hasRequired = facts.required === 'any' ? anyPath : facts.required.every(isUp);
  const live = isLive(facts);
  const components: Record<string, HealthComponent> = {
    messaging: lifecycle(facts),
    ...transportComponents(facts, anyPath),
    ...(hasRequired || !anyPath ? {} : { 'messaging-required': missingRequired(facts) }),
    'messaging-consumers': consumers(facts),
    'messaging-groups': groups(facts),
    'messaging-problems': problemsOf(facts),
    'messaging-dead-letters': deadLetters(facts),
    ...(facts.localStores.includes('idempotency')
      ? { 'messaging-idempotency': { status: 'up', state: 'local' } }
      : {}),
    ...eventLoopComponent(facts),
  };
  return {
    status: overall(facts, components),
    live,
    ready: facts.state === 'running' && hasRequired && live,
    components,
  };
}

function isLive({ eventLoop }: HealthFacts): boolean {
  return !eventLoop || eventLoop.delayMs <= eventLoop.maxDelayMs;
}

function eventLoopComponent(facts: HealthFacts): Record<string, HealthComponent> {
  if (!facts.eventLoop) return {};
  const maxDelayMs = Math.round(facts.eventLoop.delayMs);
  return { 'event-loop': { status: isLive(facts) ? 'up' : 'down', maxDelayMs } };
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
  const open = subscriptions.filter(({ killSwitch }) => killSwitch?.isOpen === true);
  const counts = { running: subscriptions.length - missing.length, expected: subscriptions.length };
  if (state !== 'running' || missing.length + open.length === 0) return { status: 'up', ...counts };
  return {
    status: 'degraded',
    ...counts,
    ...(missing.length > 0 && { missing: missing.slice(0, MAX_NAMES).map(nameOfMissing) }),
    ...(open.length > 0 && { killSwitchOpen: open.slice(0, MAX_NAMES).map(nameOfOpen) }),
  };
}

function nameOfMissing({ to, transport, state, pause }: SubscriptionView): string {
  const why =
    state === 'paused' && pause ? ` until ${new Date(pause.until).toISOString()}: ${pause.reason}` : '';
  return `${to.topic}/${to.group} on ${transport}: ${state}${why}`;
}

function nameOfOpen({ to, transport, killSwitch }: SubscriptionView): string {
  return `${to.topic}/${to.group} on ${transport}: ${killSwitch?.errorType ?? ''}`;
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

/** A store that keeps none now, or that is near a limit, is a problem besides. */
function deadLetters({ deadLetters: result, storage, localStores }: HealthFacts): HealthComponent {
  const { limits, usage, problems } = storage;
  const { maxCount, maxBytes } = lowerOf(usage ?? {}, limits);
  const figures = {
    ...(usage && { count: usage.count, bytes: usage.bytes }),
    ...(maxCount !== Infinity && { maxCount }),
    ...(maxBytes !== Infinity && { maxBytes }),
  };
  const state = localStores.includes('dead-letters') ? { state: 'local' } : {};
  const component = { ...state, ...figures, ...dependency(result, 'degraded') };
  return problems.length > 0 && component.status === 'up' ? { ...component, status: 'degraded' } : component;
}

/** Without its detail, which may name hosts: the log has it. */
function nameOfProblem({ code, topic, group, reason, transport }: ReportedProblem): string {
  const place = [topic, group].filter((part) => part !== undefined).join('/');
  return `${place === '' ? '' : `${place} `}on ${transport}: ${code}${reason === undefined ? '' : ` (${reason})`}`;
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
