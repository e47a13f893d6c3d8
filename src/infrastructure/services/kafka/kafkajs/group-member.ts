import type { RebalanceHook } from '../client/kafkajs-client.js';

/** A consumer of the client as a member of its group. */
export interface Member {
  readonly assigners?: readonly object[];
  readonly groupId: string;
  readonly memberId?: string | null;
  readonly generationId?: number | null;
  readonly coordinator?: { heartbeat(request: object): Promise<unknown> } | null;
}

/** Only consumers that this package made have any, so that the patches leave all others alone. */
export function hooksOf({ assigners = [] }: Member): RebalanceHook[] {
  return assigners.filter((assigner): assigner is RebalanceHook => 'beforeJoin' in assigner);
}
