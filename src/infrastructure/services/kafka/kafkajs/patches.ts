import { patchClosedClient } from './patch-closed-client.js';
import { patchCoordinatorReason } from './patch-coordinator-reason.js';
import { patchDeadSockets } from './patch-dead-sockets.js';
import { patchDeletedTopic } from './patch-deleted-topic.js';
import { patchFetchCodec } from './patch-fetch-codec.js';
import { patchIdleTimer } from './patch-idle-timer.js';
import { patchOffsetReset } from './patch-offset-reset.js';
import { patchProduceEncoding } from './patch-produce-encoding.js';
import { patchRejoin } from './patch-rejoin.js';
import { patchStoppedCommit } from './patch-stopped-commit.js';
import { patchStoppedFetch } from './patch-stopped-fetch.js';
import { patchTopicLookup } from './patch-topic-lookup.js';

/** Fixes defects of kafkajs that cannot be worked around from outside. A release with other internals is left unpatched. */
export async function patchKafkajs(): Promise<void> {
  await Promise.all([
    patchClosedClient(),
    patchCoordinatorReason(),
    patchDeadSockets(),
    patchDeletedTopic(),
    patchFetchCodec(),
    patchIdleTimer(),
    patchOffsetReset(),
    patchProduceEncoding(),
    patchRejoin(),
    patchStoppedCommit(),
    patchStoppedFetch(),
    patchTopicLookup(),
  ]);
}
