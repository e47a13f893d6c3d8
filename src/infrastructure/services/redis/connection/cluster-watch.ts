import { repeatEvery } from '../../../../core/messaging/ports/clock.js';
import type { Cluster, Redis } from '../client/ioredis-client.js';

/** How often the client is made to search for a node while none answers. */
const SEARCH_MS = 500;
/** How often the slots are refreshed, besides after each failure. */
const SLOTS_REFRESH_MS = 5_000;

/**
 * Reports whether any primary of a cluster is connected. The client itself does not notice that all of them are down as long as
 * it knows a node that it has never tried.
 *
 * Also refreshes the slots at an interval, because the client's own timer for that outlives a client that is closed during a
 * refresh.
 *
 * @returns ends the watch.
 */
export function watchCluster(cluster: Cluster, report: (isUp: boolean) => void): () => void {
  let endSearch: (() => void) | undefined;
  let hasEnded = false;
  const look = (): void => {
    if (hasEnded) return; // a closed client still emits events of its nodes
    const isUp =
      cluster.status === 'ready' && cluster.nodes('master').some(({ status }) => status === 'ready');
    if (isUp) {
      endSearch?.();
      endSearch = undefined;
    } else {
      endSearch ??= repeatEvery(SEARCH_MS, () => wake(cluster));
    }
    report(isUp);
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

/** Connects a node that the client knows only by its address. */
function wakeNode(node: Redis): void {
  if (node.status === 'wait') node.connect().catch(() => undefined); // its `end` event reports the failure
}
