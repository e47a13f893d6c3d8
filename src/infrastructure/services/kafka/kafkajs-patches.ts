import type { Socket } from 'node:net';
import { pause } from '../../../core/messaging/transport-kit/backoff.js';
import { isPassing } from './kafka-errors.js';
import type { RebalanceHook } from './kafkajs-client.js';
import type { Expand } from './batch-decoder.js';
import { decodeFetch } from './fetch-decoder.js';
import { encodeFetch, type FetchData } from './fetch-encoder.js';
import { type Cluster, mendManyTopics } from './many-topics.js';
import { encodeProduce, isOurs, type ProduceData } from './produce-encoder.js';

const PATCHED = Symbol.for('switchyard.kafkajs.patched');
const ENDS = Symbol.for('switchyard.kafkajs.ends');
const REFUSES = Symbol.for('switchyard.kafkajs.refuses');

interface Made {
  readonly request: { encode: () => Promise<unknown> };
}

interface ProduceRequest {
  protocol?: ((of: { readonly version: number }) => (data: ProduceData) => Made) & { [PATCHED]?: true };
}

interface Fetching extends Made {
  readonly response: { decode(raw: Buffer): Promise<object> };
}

interface FetchRequest {
  protocol?: ((of: { readonly version: number }) => (data: FetchData) => Fetching) & { [PATCHED]?: true };
}

interface Codecs {
  readonly lookupCodecByAttributes?: (
    attributes: number,
  ) => { decompress(compressed: Buffer): Promise<Buffer> } | null;
}

interface RequestQueue {
  readonly prototype: { scheduleCheckPendingRequests?: () => void };
}

interface Connection {
  readonly prototype: {
    disconnect?: (this: { readonly socket?: Socket | null }) => Promise<unknown>;
  };
}

interface Member {
  readonly assigners?: readonly object[];
  readonly groupId: string;
  readonly memberId?: string | null;
  readonly generationId?: number | null;
  readonly coordinator?: { heartbeat(request: object): Promise<unknown> } | null;
}

interface ConsumerGroup {
  readonly prototype: {
    joinAndSync?: (this: Member) => Promise<void>;
    recoverFromFetch?: (this: Member, error: FetchError) => Promise<void>;
  };
}

interface FetchError extends Error {
  readonly type?: string;
  retriable?: boolean;
}

interface Running {
  readonly running: boolean;
  readonly consumerGroup: Member;
}

interface Runner {
  readonly prototype: {
    fetch?: (this: Running, nodeId: string) => Promise<unknown>;
    commitOffsets?: (this: Running, offsets: object) => Promise<void> | undefined;
  };
}

/** Of the request, which are the same on the wire. */
const OUR_VERSIONS = { from: 3, to: 7 };
/** Of the answer to a fetch, which all brokers since 2.3 give. */
const OUR_FETCH_VERSION = 11;
/** What a cluster says about topics and groups that it has just got or moved. */
const JOIN_TRIES = 100;
const JOIN_RETRY_MS = 200;

/** Mends what cannot be got at from outside. A client that looks different inside is left as it is. */
export async function mendKafkajs(): Promise<void> {
  const [cluster, connection, queue, group, runner, produce, fetch, codecs] = await Promise.all([
    inside<Cluster>(() => import('kafkajs/src/cluster/index.js')),
    inside<Connection>(() => import('kafkajs/src/network/connection.js')),
    inside<RequestQueue>(() => import('kafkajs/src/network/requestQueue/index.js')),
    inside<ConsumerGroup>(() => import('kafkajs/src/consumer/consumerGroup.js')),
    inside<Runner>(() => import('kafkajs/src/consumer/runner.js')),
    inside<ProduceRequest>(() => import('kafkajs/src/protocol/requests/produce/index.js')),
    inside<FetchRequest>(() => import('kafkajs/src/protocol/requests/fetch/index.js')),
    inside<Codecs>(() => import('kafkajs/src/protocol/message/compression/index.js')),
  ]);
  if (cluster) mendManyTopics(cluster);
  if (connection) leaveDeadSockets(connection.prototype);
  if (queue) stopIdleTimer(queue.prototype);
  if (group) {
    askBeforeJoining(group.prototype);
    endWithTopic(group.prototype);
  }
  if (runner) {
    endWhenStopped(runner.prototype);
    refuseWhenStopped(runner.prototype);
  }
  if (produce) encodeOurs(produce);
  if (fetch && codecs?.lookupCodecByAttributes) decodeFetched(fetch, codecs.lookupCodecByAttributes);
}

async function inside<T>(load: () => Promise<unknown>): Promise<T | undefined> {
  try {
    const loaded = (await load()) as { readonly default?: T } & T;
    return loaded.default ?? loaded;
  } catch {
    return undefined;
  }
}

/** A connection that is gone is closed again and again, and lets its dead socket wait each time to be connected, until Node warns of a leak. */
function leaveDeadSockets(prototype: Connection['prototype'] & { [PATCHED]?: true }): void {
  const original = prototype.disconnect;
  if (!original || prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  prototype.disconnect = async function () {
    const result = await original.call(this);
    if (this.socket?.destroyed === true) this.socket.removeAllListeners('connect');
    return result;
  };
}

/** A connection with nothing to send sets a timer of zero for ever: https://github.com/tulios/kafkajs/issues/1556 */
function stopIdleTimer(prototype: RequestQueue['prototype'] & { [PATCHED]?: true }): void {
  const original = prototype.scheduleCheckPendingRequests;
  if (!original || prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  prototype.scheduleCheckPendingRequests = function (this: { readonly pending?: readonly unknown[] }) {
    if (this.pending?.length !== 0) original.call(this);
  };
}

/**
 * A consumer that is stopped while it replaces its fetchers, as it does when brokers come and go, never learns of it: the new ones fetch nothing
 * from a stopped consumer, at once and for ever, and nothing else in the process ever gets a turn again.
 */
function endWhenStopped(prototype: Runner['prototype'] & { [PATCHED]?: true }): void {
  const original = prototype.fetch;
  if (!original || prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  prototype.fetch = function (nodeId) {
    if (!this.running) return Promise.reject(new Error('The consumer was stopped.'));
    return original.call(this, nodeId);
  };
}

/** Its own encoder takes most of the time of publishing; a request that is all ours is encoded by us. */
function encodeOurs(produce: ProduceRequest): void {
  const original = produce.protocol;
  if (!original || original[PATCHED]) return;
  const ours: typeof original = ({ version }) => {
    const make = original({ version });
    if (version < OUR_VERSIONS.from || version > OUR_VERSIONS.to) return make;
    return (data) => {
      const made = make(data);
      if (isOurs(data)) made.request.encode = () => Promise.resolve(encoded(encodeProduce(data)));
      return made;
    };
  };
  ours[PATCHED] = true;
  produce.protocol = ours;
}

/** A consumer that has crashed says of whatever it is to commit that it is done, and has done nothing. */
function refuseWhenStopped(prototype: Runner['prototype'] & { [REFUSES]?: true }): void {
  const original = prototype.commitOffsets;
  if (!original || prototype[REFUSES]) return;
  prototype[REFUSES] = true;
  prototype.commitOffsets = async function (offsets) {
    await original.call(this, offsets);
    if (!this.running && hooksOf(this.consumerGroup).length > 0)
      throw new Error('The consumer was stopped: it may have stored nothing.');
  };
}

/** What the client looks for in an encoder of its own. */
function encoded(buffer: Buffer): object {
  return { buf: buffer, buffer };
}

/** Its own decoder takes most of the time of reading. */
function decodeFetched(fetch: FetchRequest, codecOf: NonNullable<Codecs['lookupCodecByAttributes']>): void {
  const original = fetch.protocol;
  if (!original || original[PATCHED]) return;
  const expand: Expand = (attributes) => {
    const codec = codecOf(attributes);
    return codec ? (compressed) => codec.decompress(compressed) : undefined;
  };
  const ours: typeof original = ({ version }) => {
    const make = original({ version });
    if (version !== OUR_FETCH_VERSION) return make;
    return (data) => {
      const made = make(data);
      made.request.encode = () => Promise.resolve(encoded(encodeFetch(data)));
      const decode = async (raw: Buffer): Promise<object> =>
        (await decodeFetch(raw, expand)) ?? made.response.decode(raw);
      return { ...made, response: { ...made.response, decode } };
    };
  };
  ours[PATCHED] = true;
  fetch.protocol = ours;
}

/** The client gives partitions up without a word. What is in hand should be done with, and committed, before. */
function askBeforeJoining(prototype: ConsumerGroup['prototype'] & { [PATCHED]?: true }): void {
  const original = prototype.joinAndSync;
  if (!original || prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  prototype.joinAndSync = async function () {
    for (const hook of hooksOf(this)) await hook.beforeJoin(() => keepAlive(this));
    for (let tries = 1; ; tries += 1)
      try {
        await original.call(this);
        return;
      } catch (error) {
        if (tries === JOIN_TRIES || !isPassing(error)) throw error;
        await pause(JOIN_RETRY_MS); // as the same member: the group would wait for the death of another
      }
  };
}

/**
 * A topic that was deleted may be another by now. The client would join again as if nothing had happened, and so go on, and store, where it
 * was in the old one: what the new one has before that would never be read. Whoever ends here begins where the group is.
 */
function endWithTopic(prototype: ConsumerGroup['prototype'] & { [ENDS]?: true }): void {
  const original = prototype.recoverFromFetch;
  if (!original || prototype[ENDS]) return;
  prototype[ENDS] = true;
  prototype.recoverFromFetch = async function (error) {
    if (error.type !== 'UNKNOWN_TOPIC_OR_PARTITION' || hooksOf(this).length === 0)
      return original.call(this, error);
    error.retriable = false;
    throw error;
  };
}

/** Only consumers of ours have any. */
function hooksOf({ assigners = [] }: Member): RebalanceHook[] {
  return assigners.filter((assigner): assigner is RebalanceHook => 'beforeJoin' in assigner);
}

/** A group that is formed anew says so in answer, and counts it all the same. */
async function keepAlive({ groupId, memberId, generationId, coordinator }: Member): Promise<void> {
  if (!memberId) return;
  await coordinator?.heartbeat({ groupId, memberId, groupGenerationId: generationId }).catch(() => undefined);
}
