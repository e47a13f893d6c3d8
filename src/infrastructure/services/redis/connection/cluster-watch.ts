import { repeatEvery } from '../../../../core/messaging/ports/clock.js';
import type { Cluster, Redis } from '../client/ioredis-client.js';

/** While no node answers, the client is made to look for one this often. */
const SEARCH_MS = 500;
/** A cluster is asked for its slots this often, besides whenever something fails. */
const SLOTS_REFRESH_MS = 5_000;

/**
 * Tells whether any primary of a cluster can be talked to. The client itself does not notice when all of them are gone, as long
 * as it knows a node that it has never tried.
 *
 * It also asks for the slots every now and then, because the timer of the client for that outlives a client that is closed
 * while it asks.
 *
 * @returns ends the watch.
 */
export function watchCluster(cluster: Cluster, tell: (isUp: boolean) => void): () => void {
  let endSearch: (() => void) | undefined;
  let hasEnded = false;
  const look = (): void => {
    if (hasEnded) return; // a client that is closed goes on to tell of its nodes
    const isUp =
      cluster.status === 'ready' && cluster.nodes('master').some(({ status }) => status === 'ready');
    if (isUp) {
      endSearch?.();
      endSearch = undefined;
    } else {
      endSearch ??= repeatEvery(SEARCH_MS, () => wake(cluster));
    }
    tell(isUp);
  };
  const follow = (node: Redis): void => {
    node.on('ready', look).on('close', look).on('end', look);
    wakeNode(node);
  };
  cluster.on('+node', follow).on('-node', look);
  cluster.on('ready', look).on('close', look).on('end', look);
  const endRefresh = repeatEvery(SLOTS_REFRESH_MS, () => {
    if (cluster.status === 'ready') cluster.refreshSlotsCache(() => undefined);
  });
  return () => {
    hasEnded = true;
    endSearch?.();
    endRefresh();
  };
}

function wake(cluster: Cluster): void {
  if (cluster.status !== 'ready') return;
  cluster.refreshSlotsCache(() => undefined);
  cluster.nodes('master').forEach(wakeNode);
}

/** Connects a node that was only heard of. */
function wakeNode(node: Redis): void {
  if (node.status === 'wait') node.connect().catch(() => undefined); // that it ends tells
}
