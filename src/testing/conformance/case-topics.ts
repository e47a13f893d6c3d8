import type { Case } from './bench.js';
import { answering } from './cases/answering.js';
import { backlog } from './cases/backlog.js';
import { clocks } from './cases/clocks.js';
import { closing } from './cases/closing.js';
import { contexts } from './cases/contexts.js';
import { crashing } from './cases/crashing.js';
import { delaying } from './cases/delaying.js';
import { delivering } from './cases/delivering.js';
import { foreign } from './cases/foreign.js';
import { forgetting } from './cases/forgetting.js';
import { groups } from './cases/groups.js';
import { limits } from './cases/limits.js';
import { ordering } from './cases/ordering.js';
import { pressure } from './cases/pressure.js';
import { reconnecting } from './cases/reconnecting.js';
import { restarting } from './cases/restarting.js';
import { retrying } from './cases/retrying.js';
import { stopping } from './cases/stopping.js';
import { uncounted } from './cases/uncounted.js';

/** The cases of the suite, by what they are about. */
export const TOPICS = {
  delivering,
  contexts,
  groups,
  forgetting,
  retrying,
  uncounted,
  foreign,
  delaying,
  clocks,
  ordering,
  pressure,
  limits,
  stopping,
  closing,
  restarting,
  crashing,
  reconnecting,
  backlog,
  answering,
} satisfies Record<string, readonly Case[]>;

export type Topic = keyof typeof TOPICS;
export const TOPIC_NAMES = Object.keys(TOPICS) as readonly Topic[];

/** Of every case, whether or not it applies to a transport. */
export function caseTitles(): readonly string[] {
  return Object.values(TOPICS).flatMap((cases) => cases.map((one) => one.title));
}
