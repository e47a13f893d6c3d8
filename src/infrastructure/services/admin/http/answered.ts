import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import { PROBLEM, ProblemError } from './problem.js';

const EXPLAINED: readonly string[] = ['CONFLICT', 'NOT_FOUND', 'OPTION_INVALID'];

/** A transport that does not answer is no internal error, and its error text may name hosts. */
export async function answered<T>(question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (error) {
    if (EXPLAINED.includes(errorCodeOf(error))) throw error;
    throw new ProblemError(PROBLEM.transport, `The transport did not answer (${errorCodeOf(error)}).`);
  }
}
