/** A fault without figures: what comes of it is a fact that a test holds on to. */
export interface OtherFault {
  readonly system: string;
  readonly fault: string;
  readonly outcome: string;
  /** Of `test/`. */
  readonly spec: string;
  /** Of the test in it, or a part of that. */
  readonly title: string;
}

/** Those of one spec: what happens, what comes of it, and where that is tested. */
const of = (
  system: string,
  spec: string,
  rows: readonly (readonly [fault: string, outcome: string, title: string])[],
): OtherFault[] => rows.map(([fault, outcome, title]) => ({ system, fault, outcome, spec, title }));

const DELETED = 'made anew, told of, and consuming goes on';

/** One line a row, in the order in which they are shown. */
export const OTHER_FAULTS: readonly OtherFault[] = [
  ...of('embedded', 'faults/embedded-kill.spec.ts', [
    ['`kill -9` at random instants', 'everything accepted is handled', 'kills at random instants'],
  ]),
  ...of('embedded', 'faults/embedded-disk-full.spec.ts', [
    [
      'the disk is full',
      'publishing is unavailable, what is there is delivered, all goes on with space',
      'and recovers when space returns',
    ],
    ['the disk is full at the start', 'an error that says so', 'when it is opened on a full disk'],
  ]),
  ...of('embedded', 'faults/embedded-directory.spec.ts', [
    ['two processes on one directory', 'the second is told who has it', 'belongs to one process'],
  ]),
  ...of('redis', 'faults/redis-bad-servers.spec.ts', [
    [
      'credentials become wrong',
      'unavailable, and again available by itself once they are right',
      'that become wrong while it runs',
    ],
    ['a command is not permitted', 'refused, with its name', 'without permission for a command'],
    [
      'its memory is full',
      'takes nothing, says so, takes again with room',
      'whose memory is full takes nothing',
    ],
    ['it evicts, or keeps no file', 'a warning at the start', 'that evicts, and one that keeps no file'],
    [
      'it has fewer replicas than it wants',
      'takes nothing, says why',
      'that wants more replicas than there are',
    ],
    ['it has become a replica', 'takes nothing until it is a primary', 'that has become a replica'],
    ['a key has another type', 'told, without a hot loop', 'of another type where a stream should be'],
    ['everything is flushed away', DELETED, 'that is flushed away is made anew'],
    ['somebody destroys a group', DELETED, 'of a group that somebody destroys comes back'],
    ['an entry of somebody else', 'arrives with its fields', 'that somebody else has written arrives'],
  ]),
  ...of('redis', 'faults/redis-connections.spec.ts', [
    ['a reply is lost', 'the message is stored once', 'takes a message once whose reply is lost'],
    [
      'the reply of a takeover is lost',
      'who has taken over finds what it has',
      'has taken over from a dead consumer in a reply that is lost',
    ],
    [
      'a process is stopped and goes on later',
      'others have its work; it settles nothing',
      'hands what a stopped process had',
    ],
  ]),
  ...of('redis, sentinels', 'faults/redis-sentinel.spec.ts', [
    ['no replica confirms', 'unknown, not accepted', 'calls a message unknown while no replica confirms it'],
    ['all sentinels are gone', 'who is connected goes on, who comes is told', 'goes on without sentinels'],
  ]),
  ...of('redis stores', 'faults/redis-stores-kill.spec.ts', [
    [
      '`kill -9` between any two commands',
      'letters, indexes and counts agree',
      'letters, indexes, counts and places agree',
    ],
    [
      '`kill -9` while a message is claimed',
      'it can be claimed again',
      'can be claimed again, whenever a process is killed',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-bad-servers.spec.ts', [
    [
      'credentials become wrong',
      'unavailable, and again available by itself once they are right',
      'that become wrong while it runs',
    ],
    ['something is not permitted', 'refused, with what', 'without permission are refused'],
    ['an alarm', 'takes nothing, says so, goes on handing out', 'with an alarm takes nothing'],
    ['a node is paused', 'another node is used', 'that is paused is given up for another node'],
    [
      'a message over the limit of the broker',
      'not accepted, and others go on',
      'over the limit of the broker is not accepted',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-keys.spec.ts', [
    [
      'processes that share keys start together',
      'each gets a share',
      'also when all of them begin at the same moment',
    ],
    [
      'a process leaves keys to another over a slow line',
      'order kept',
      'while a message of it is on its way',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-declarations.spec.ts', [
    [
      'a queue exists with other arguments',
      'reported with both sides, not changed',
      'with other arguments is reported',
    ],
    ['an exchange is deleted', DELETED, 'declared again: an exchange'],
    ['the queue under a consumer is deleted', DELETED, 'declared again: the queue under a consumer'],
    ['a delay queue is deleted', DELETED, 'declared again: a delay queue'],
    [
      'a queue is at its length limit',
      'unavailable or unknown, never accepted',
      'at its length limit makes publishing',
    ],
    ['a foreign message', 'delivered with its fields', 'delivers foreign messages with their fields'],
    [
      'a handler is slower than the consumer timeout',
      'its channel is lost, the message comes again',
      'that is slower than the consumer timeout',
    ],
  ]),
  ...of('rabbitmq, 3 nodes', 'faults/rabbitmq-cluster.spec.ts', [
    [
      'all nodes are killed',
      'everything is there, also what waits',
      'when all nodes are killed, also what waits',
    ],
  ]),
  ...of('rabbitmq, 3 nodes', 'faults/rabbitmq-stuck.spec.ts', [
    ['a delay queue delivers nothing', 'it is drained and reported', 'does not dead-letter by itself'],
    [
      'expired messages stay in their delay queue',
      'reported; other queues are used; they arrive once the queue has another leader',
      'that no longer dead-letters, and loses nothing',
    ],
    [
      'the node of a connection has lost a queue',
      'another node is used',
      'when the one that it is connected to delivers nothing',
    ],
    ['a queue is left to a dead consumer', 'it is served again', 'that only the broker still counts'],
  ]),
  ...of('kafka', 'faults/kafka-bad-servers.spec.ts', [
    ['nobody listens', 'an error in time that says where', 'nobody listens: connecting rejects in time'],
    ['more replicas than brokers', 'refused, with what to change', 'more replicas than brokers: refused'],
    ['a message that the topic does not take', 'refused alone', 'and its neighbours are not harmed'],
    ['a topic is deleted', DELETED, 'a topic that somebody deletes is created again'],
    ['transactions of somebody else', 'only what they commit', 'while transactions of somebody else end'],
  ]),
  ...of('kafka', 'faults/kafka-acl.spec.ts', [
    ['something is not permitted', 'refused, and goes on once it is', 'refuses with what is not permitted'],
  ]),
  ...of('kafka', 'faults/kafka-compression.spec.ts', [
    ['a batch that would fill the memory', 'not expanded, told of', 'made to fill the memory'],
  ]),
  ...of('kafka', 'faults/kafka-handlers.spec.ts', [
    [
      'a handler runs for longer than a session',
      'nobody else gets its message',
      'keeps what runs far longer',
    ],
    [
      'a message kills every process',
      'a dead letter after its attempts',
      'parks a message that kills every process',
    ],
  ]),
  ...of('kafka, 3 brokers', 'faults/kafka-cluster.spec.ts', [
    [
      'one broker late, another gone',
      'nothing is stored twice',
      'stores nothing twice when one broker answers late',
    ],
  ]),
  ...of('failover of rabbitmq and redis', 'faults/redis-rabbitmq-failover.spec.ts', [
    ['both are gone', 'unavailable, with every try', 'says unavailable with every try while both are gone'],
  ]),
  ...of('spool', 'faults/embedded-spool.spec.ts', [
    [
      '`kill -9` while it holds messages',
      'all are sent, in the order of keys',
      'loses nothing that was spooled',
    ],
  ]),
  ...['redis', 'rabbitmq', 'kafka'].flatMap((system) => [
    ...of(system, `faults/${system}-keys.spec.ts`, [
      [
        'two of three processes are killed',
        'keys keep their order',
        'keeps the order of keys over three processes',
      ],
    ]),
    ...of(system, `faults/${system}-tls-certificates.spec.ts`, [
      [
        'a certificate that is not trusted',
        'refused, and says why',
        'refuses an authority that it was not told of',
      ],
    ]),
  ]),
];
