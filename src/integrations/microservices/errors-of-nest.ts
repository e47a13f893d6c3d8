import { type ArgumentsHost, Catch, type ExceptionFilter, ForbiddenException } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { type MessageContext, PermanentError, RequestError } from '../../core/messaging/index.js';

/** What Nest's guards refuse with. */
const FORBIDDEN = 'Forbidden resource';

/**
 * Lets the original error out. Without it Nest replaces every error but `RpcException` by "Internal server error", and what
 * depends on the class of an error could not work. Filters of the application come first.
 */
@Catch()
export class LastResortFilter implements ExceptionFilter {
  catch(exception: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => exception);
  }
}

/**
 * What the core judges in place of what Nest threw: a guard's refusal has its status, and an `RpcException` with an object has the
 * object in its message, so that the dead letter keeps it.
 */
export function judgedError(thrown: unknown): unknown {
  if (!isRpcException(thrown)) return thrown;
  const error = thrown.getError();
  if (error === FORBIDDEN) return new ForbiddenException(FORBIDDEN, { cause: thrown });
  if (typeof error !== 'object') return thrown;
  const message = jsonOf(error);
  // The exception is the application's, and may be thrown again; what inherits from it has its class and stack.
  return message === undefined
    ? thrown
    : (Object.create(thrown, { message: { value: message, enumerable: false } }) as Error);
}

/** Code under which an `RpcException` travels to the asker, whose client restores what Nest would have sent. */
const RPC_EXCEPTION = 'RPC_EXCEPTION';

/** As {@link judgedError}, for the handler of a request: an `RpcException` is written for the asker, who gets it as from Nest. */
export function answeredError(thrown: unknown): unknown {
  if (!isRpcException(thrown)) return thrown;
  const error = thrown.getError();
  if (error === FORBIDDEN) return judgedError(thrown);
  const details = typeof error === 'object' ? error : { status: 'error', message: error };
  return new RequestError(RPC_EXCEPTION, thrown.message, { details, cause: thrown });
}

/** What the result of `send` fails with. */
export function sentError(error: unknown): unknown {
  return error instanceof RequestError && error.code === RPC_EXCEPTION ? error.details : error;
}

/**
 * Refuses a packet of a client of Nest's own transports. To the handler it would look like a payload.
 *
 * @throws PermanentError
 */
export function refuseForeignPacket(payload: unknown, context: MessageContext): void {
  // Our publishers name themselves, in every message.
  if (context.source !== undefined || !isPacket(payload)) return;
  throw new PermanentError(
    `The message is a packet of a client of Nest's own transport (with pattern, data and nothing of Switchyard), which handlers of "${context.topic}" do not read. Let its sender use SwitchyardClient, or handle it with Nest's transport: docs/using/nest-microservices.md.`,
  );
}

interface RpcExceptionLike extends Error {
  getError(): unknown;
}

/** By its method, because the package of its class is optional. */
function isRpcException(error: unknown): error is RpcExceptionLike {
  return error instanceof Error && typeof (error as Partial<RpcExceptionLike>).getError === 'function';
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

const PACKET_KEYS: ReadonlySet<string> = new Set(['pattern', 'data', 'id', 'metadata']);

function isPacket(payload: unknown): boolean {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'pattern' in payload &&
    'data' in payload &&
    Object.keys(payload).every((key) => PACKET_KEYS.has(key))
  );
}
