import { MessagingError, type MessagingErrorCode } from '../../../../core/messaging/ports/errors.js';
import {
  type BrokerFailure,
  codeOf,
  isCertificateError,
  isOurs,
  ownFailure,
} from '../../../../core/messaging/transport-kit/broker-failure.js';

/** Kafka's protocol errors after which nothing was stored, and a retry cannot succeed. */
const REFUSED: Readonly<Record<string, MessagingErrorCode>> = {
  MESSAGE_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  TOPIC_AUTHORIZATION_FAILED: 'FORBIDDEN',
  GROUP_AUTHORIZATION_FAILED: 'FORBIDDEN',
  CLUSTER_AUTHORIZATION_FAILED: 'FORBIDDEN',
  INVALID_TOPIC_EXCEPTION: 'TOPIC_INVALID',
  INVALID_REPLICATION_FACTOR: 'CONFIGURATION',
  INVALID_RECORD: 'CONFLICT',
  POLICY_VIOLATION: 'CONFLICT',
};
const HOW_TO_READ =
  'Install kafkajs-snappy, kafkajs-lz4 or @kafkajs/zstd, the one that its publishers compress with; no record is skipped meanwhile.';
const DEFECTS: ReadonlySet<string> = new Set(['TypeError', 'ReferenceError']);
const LOGIN = /SASL|authentication/i;
const CLIENT_CLOSED = 'CLIENT_CLOSED';

/**
 * A call was under way on a client, or on its consumer, when this package closed it: a new one takes over, and the call can be tried
 * again. It has a code, because that is all that the client keeps of an error on a connection.
 */
export class ClientClosedError extends Error {
  readonly code = CLIENT_CLOSED;
  override readonly name = 'ClientClosedError';
}

/** The client reports success of a request that it has not sent, or no result at all. Its end is unknown. */
export class MissingAnswerError extends Error {
  override readonly name = 'MissingAnswerError';
}

/** The broker refuses a batch of a partition because of one of its messages. */
export function isOfBatch(cause: unknown): boolean {
  return ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'].includes(typeOf(cause) ?? '');
}

/** A retry cannot succeed before a certificate or a login is corrected. */
export function isFatal(cause: unknown): boolean {
  return causesOf(cause).some((each) => isCertificateError(each) || LOGIN.test(nameOf(each)));
}

/** A cluster answers so about topics and groups that are new, or move to another broker; so does a client that is being replaced. */
export function isTransient(cause: unknown): boolean {
  const type = typeOf(cause) ?? '';
  return (
    /LOAD_IN_PROGRESS|COORDINATOR_NOT_AVAILABLE|NOT_COORDINATOR|UNKNOWN_TOPIC|LEADER/.test(type) ||
    isClosedClient(cause)
  );
}

/** The broker, or this process's membership of the group, is away for the moment. */
export function isUnavailable(cause: unknown): boolean {
  const codes: readonly unknown[] = ['TRANSPORT_UNAVAILABLE', 'DEADLINE_EXCEEDED'];
  return causesOf(cause).some((each) => isOurs(each) && codes.includes(each.code));
}

/** One of our clients, whose connections were closed permanently. */
export function isClosedClient(cause: unknown): boolean {
  return causesOf(cause).some((each) => codeOf(each) === CLIENT_CLOSED);
}

/** The group rebalances: a request for its old generation has to be repeated. */
export function isRebalance(cause: unknown): boolean {
  return /REBALANCE_IN_PROGRESS|ILLEGAL_GENERATION|UNKNOWN_MEMBER_ID/.test(typeOf(cause) ?? '');
}

/**
 * A defect of this process or of the client, not an answer of the broker. By name, because it may come from another realm. Other kinds
 * of errors can also come from a server that does not speak Kafka's protocol.
 */
function defectOf(cause: unknown): Error | undefined {
  return causesOf(cause).find((each): each is Error => DEFECTS.has(nameOf(each)));
}

/** Names the defect and keeps its stack as the cause. Undefined for any other error. */
export function defectError(cause: unknown, server: string): MessagingError | undefined {
  const defect = defectOf(cause);
  return (
    defect &&
    new MessagingError(
      'INTERNAL',
      `${server}: a defect in this process or in the client kafkajs (${defect.name}: ${shortened(defect.message)}). It is retried automatically; report it with the stack of its cause.`,
      { cause: defect },
    )
  );
}

/** @param wasSent false while nothing of what was asked can have reached the broker. */
export function failureOf(cause: unknown, server: string, wasSent: boolean): BrokerFailure {
  const own = causesOf(cause).find(isOurs) ?? defectError(cause, server);
  if (own) return ownFailure(own, wasSent);
  const type = typeOf(cause);
  const code = type === undefined ? undefined : REFUSED[type];
  const error = (messagingCode: MessagingErrorCode, text: string): MessagingError =>
    new MessagingError(messagingCode, `${server} ${text}`);
  if (code !== undefined)
    return { kind: 'refused', error: error(code, `refused the request (${type ?? ''}): ${said(cause)}`) };
  if (causesOf(cause).some((each) => nameOf(each) === 'KafkaJSNotImplemented'))
    return {
      kind: 'unavailable',
      error: error(
        'DEPENDENCY_MISSING',
        `holds records that this process cannot read: ${said(cause)}. ${HOW_TO_READ}`,
      ),
    };
  if (isFatal(cause))
    return {
      kind: wasSent ? 'unknown' : 'unavailable',
      error: error('FORBIDDEN', `cannot be used${reasonOf(cause)}.`),
    };
  if (wasSent)
    return {
      kind: 'unknown',
      error: error('TRANSPORT_UNAVAILABLE', `failed while a request was in flight${reasonOf(cause)}.`),
    };
  return {
    kind: 'unavailable',
    error: error(
      'TRANSPORT_UNAVAILABLE',
      `cannot be reached${reasonOf(cause)}. It is retried automatically.`,
    ),
  };
}

/** The reason, as the end of a sentence. */
export function reasonOf(cause: unknown): string {
  const all = causesOf(cause);
  if (all.some((each) => LOGIN.test(nameOf(each)))) return ': it does not accept the user and password';
  const own = all.find(isOurs);
  if (own) return ` (${own.message})`;
  if (isClosedClient(cause)) return ': its client was closed meanwhile, and a new one takes over';
  const certificate = all.find(isCertificateError);
  if (certificate) return `: its certificate is not trusted (${String(codeOf(certificate))})`;
  const type =
    typeOf(cause) ??
    all.map(codeOf).find((code): code is string => typeof code === 'string') ??
    descriptionOf(all.at(-1));
  return type === undefined ? '' : ` (${type})`;
}

/** The name alone would hide what failed. */
function descriptionOf(cause: object | undefined): string | undefined {
  if (!cause) return undefined;
  const text = 'message' in cause ? shortened(String(cause.message)) : '';
  return text === '' ? nameOf(cause) : `${nameOf(cause)}: ${text}`;
}

/** Name of the protocol's error, at any depth of the client's error. */
export function typeOf(cause: unknown): string | undefined {
  for (const each of causesOf(cause)) {
    const type: unknown = 'type' in each ? each.type : undefined;
    if (typeof type === 'string') return type;
  }
  return undefined;
}

/** The broker's error text, which contains no password, on one line of bounded length. */
function said(cause: unknown): string {
  const text =
    causesOf(cause)
      .map((each) => ('message' in each ? String(each.message) : ''))
      .at(-1) ?? '';
  return shortened(text);
}

function shortened(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 400);
}

/** The error and all of its causes. The client also puts some under `errors`. */
function causesOf(cause: unknown): object[] {
  const found: object[] = [];
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null || found.length > 10 || found.includes(each)) return;
    found.push(each);
    if ('cause' in each) visit(each.cause);
    if ('originalError' in each) visit(each.originalError);
    if ('errors' in each && Array.isArray(each.errors)) each.errors.forEach(visit);
  };
  visit(cause);
  return found;
}

function nameOf(cause: object): string {
  return 'name' in cause ? String(cause.name) : '';
}
