/** A fault without figures: a test asserts its effect. One file because the page shows them as one table. */
export interface OtherFault {
  readonly system: string;
  readonly fault: string;
  readonly outcome: string;
  /** Of `test/`. */
  readonly spec: string;
  /** The title of the test in it, or a part of it. */
  readonly title: string;
}

/** The faults of one spec: the fault, its effect, and the title of the test. */
const of = (
  system: string,
  spec: string,
  rows: readonly (readonly [fault: string, outcome: string, title: string])[],
): OtherFault[] => rows.map(([fault, outcome, title]) => ({ system, fault, outcome, spec, title }));

const DELETED = 'recreated and reported, and consuming resumes';

/** In a suite that each spec calls. */
const HANDLER_DATABASE = 'describeDatabaseOutage';

/** One line for each row of the table, in its order. */
export const OTHER_FAULTS: readonly OtherFault[] = [
  ...of('embedded', 'faults/embedded-database-redis.spec.ts', [
    [
      'the database of a handler with a kill switch is killed for a minute',
      'no attempt is used, nothing is parked, all is handled once afterwards',
      HANDLER_DATABASE,
    ],
  ]),
  ...of('embedded', 'faults/embedded-kill.spec.ts', [
    ['`kill -9` at random instants', 'everything accepted is handled', 'kills at random instants'],
  ]),
  ...of('embedded', 'faults/embedded-disk-full.spec.ts', [
    [
      'the disk is full',
      'publishing is unavailable, stored messages are delivered, publishing resumes with space',
      'and recovers when space returns',
    ],
    [
      'the disk is full at the start',
      'an error that names the full disk',
      'when it is opened on a full disk',
    ],
  ]),
  ...of('embedded', 'faults/embedded-directory.spec.ts', [
    [
      'two processes on one directory',
      'the second fails with an error that names the first',
      'belongs to one process',
    ],
  ]),
  ...of('embedded', 'e2e/full-store.spec.ts', [
    [
      'the store of dead letters is full',
      'the message stays there as the same attempt, tried up to every 5 minutes; health is degraded',
      'stay on their broker, and use no attempt',
    ],
  ]),
  ...of('redis', 'faults/redis-database.spec.ts', [
    [
      'the database of a handler with a kill switch is killed for a minute',
      'no attempt is used, nothing is parked, all is handled once afterwards',
      HANDLER_DATABASE,
    ],
  ]),
  ...of('redis', 'faults/redis-bad-servers.spec.ts', [
    [
      'credentials become wrong',
      'unavailable, and available again once they are right',
      'that become wrong while it runs',
    ],
    [
      'a command is not permitted',
      'refused, with the name of the command',
      'without permission for a command',
    ],
    [
      'its memory is full',
      'publishing is unavailable with the reason, and resumes with free memory',
      'whose memory is full accepts nothing',
    ],
    [
      'it evicts keys, or has no persistence',
      'a warning at the start',
      'that evicts, and one that keeps no file',
    ],
    [
      'it has fewer replicas than `min-replicas-to-write`',
      'publishing is unavailable with the reason',
      'that wants more replicas than there are',
    ],
    [
      'it has become a replica',
      'publishing is unavailable until it is a primary',
      'that has become a replica',
    ],
    [
      'a key has another type',
      'an error is reported, without a hot loop',
      'of another type where a stream should be',
    ],
    ['everything is flushed away', DELETED, 'that is flushed away is recreated'],
    ['a foreign client destroys a group', DELETED, 'of a group that another client destroys'],
    ['an entry of a foreign client', 'delivered with its fields', 'that another client has written arrives'],
  ]),
  ...of('redis', 'faults/redis-removed.spec.ts', [
    [
      'another client removes pending entries, their consumer, or all streams of a group',
      'messages in flight are retried from memory',
      'what is in flight is retried although',
    ],
    [
      'another client removes unread messages',
      'lost, counted and reported; on Redis 7 and newer',
      'unread messages are counted when',
    ],
    ['another client removes delayed messages', 'lost, counted and reported', 'counts delayed messages'],
    [
      'another client removes a dead consumer or its entries',
      'lost, counted and reported; keys continue',
      'that is removed with what it held leaves that as lost',
    ],
    [
      'another client removes locks, or entries that wait for a key',
      'keys continue in order',
      'order by key continues when another client deletes',
    ],
  ]),
  ...of('redis', 'faults/redis-unreadable.spec.ts', [
    [
      'an entry of a group or a delayed message cannot be read',
      'a dead letter with its raw bytes; its neighbours are delivered',
      'becomes unacceptable with its raw bytes',
    ],
    [
      'the server refuses a retry',
      'a dead letter, also during shutdown',
      'a retry that the server refuses becomes a dead letter',
    ],
    [
      'streams or groups are missing with `topology: verify`',
      'an error with the commands to run; nothing is created',
      'creates no stream and no group',
    ],
  ]),
  ...of('redis', 'faults/redis-connections.spec.ts', [
    ['a reply is lost', 'the message is stored once', 'takes a message once whose reply is lost'],
    [
      'the reply of a takeover is lost',
      'the new owner finds its messages',
      'has taken over from a dead consumer in a reply that is lost',
    ],
    [
      'a process is stopped and resumes later',
      'others take over its messages; it settles none of them',
      'hands what a stopped process had',
    ],
  ]),
  ...of('redis', 'faults/redis-reconnect.spec.ts', [
    [
      'a failover behind a stable address, the old primary stays as a replica',
      'publishing and consuming resume within seconds',
      'publishes and consumes again after a failover behind a stable address',
    ],
    [
      'it is a replica for a while',
      'disconnected with the reason, and connected once it is a primary',
      'is disconnected from a server that has become a replica',
    ],
    [
      'the server after a failover keeps less',
      'a problem until it is corrected',
      'reports that a server keeps less than the one before',
    ],
    [
      'idle connections are half open',
      'disconnected within 15 s',
      'is disconnected within 15 s of a silence',
    ],
    [
      '50 readers lose their server together',
      'they come back spread over time',
      'lets 50 readers that lose one server come back spread over time',
    ],
  ]),
  ...of('redis', 'faults/redis-interrupted.spec.ts', [
    [
      'a consumer loses a permission',
      'interrupted within 15 s with the reason, running within 15 s of the repair',
      'the permission to read (XREADGROUP)',
    ],
    [
      'a consumer loses its group or its streams and may not create them',
      'interrupted within 15 s with the reason, running within 15 s of the repair',
      'its streams (DEL), and may not create them',
    ],
    [
      'the stream of a consumer becomes a key of another type',
      'interrupted within 15 s with the reason, running within 15 s of the repair',
      'its stream to a key of another type',
    ],
    [
      'the sockets of a consumer are half open',
      'interrupted within 15 s, running within 15 s of the repair',
      'its answers: the sockets are half open',
    ],
    [
      'the password is rotated',
      'reported with the reason until it is corrected',
      'says that the login is rejected until it is corrected',
    ],
    [
      'a consumer may not start, with `connect: background`',
      'reported, and started once it may',
      'with connect: background is tried until it runs',
    ],
  ]),
  ...of('redis', 'faults/redis-poison.spec.ts', [
    [
      'random foreign data in all its keys for a minute',
      'one dead letter or a report each; its neighbours are handled and nothing blocks',
      'random poison of all kinds for a minute',
    ],
  ]),
  ...of('redis', 'faults/redis-full-store.spec.ts', [
    [
      'the store of dead letters is full',
      'the message stays there as the same attempt, tried up to every 5 minutes; health is degraded',
      'stay on their broker, and use no attempt',
    ],
  ]),
  ...of('redis, sentinels', 'faults/redis-sentinel.spec.ts', [
    ['no replica confirms', 'unknown, not accepted', 'calls a message unknown while no replica confirms it'],
    [
      'all sentinels are gone',
      'connected processes are not affected, a new one gets an error',
      'continues without sentinels',
    ],
  ]),
  ...of('redis stores', 'faults/redis-stores-kill.spec.ts', [
    [
      '`kill -9` between any two commands',
      'dead letters, indexes and counts agree',
      'letters, indexes, counts and places agree',
    ],
    [
      '`kill -9` while a message is claimed',
      'it can be claimed again',
      'can be claimed again, whenever a process is killed',
    ],
  ]),
  ...of('redis stores', 'faults/redis-stores-usage.spec.ts', [
    [
      'another client or an earlier version changes dead letters',
      'count and bytes are counted again, and limits hold',
      'what an earlier version adds and removes without the count is counted again',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-database-redis.spec.ts', [
    [
      'the database of a handler with a kill switch is killed for a minute',
      'no attempt is used, nothing is parked, all is handled once afterwards',
      HANDLER_DATABASE,
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-bad-servers.spec.ts', [
    [
      'credentials become wrong',
      'unavailable, and available again once they are right',
      'that become wrong while it runs',
    ],
    [
      'something is not permitted',
      'refused, with the name of the resource',
      'without permission are refused',
    ],
    [
      'a resource alarm',
      'publishing is unavailable with the reason, deliveries continue',
      'with an alarm accepts nothing',
    ],
    ['a node is paused', 'another node is used', 'that is paused is given up for another node'],
    [
      'a message above the size limit of the broker',
      'not accepted; other messages are not affected',
      'over the limit of the broker is not accepted',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-keys.spec.ts', [
    [
      'processes that share keys start together',
      'each gets a share',
      'also when all of them begin at the same moment',
    ],
    ['a process hands keys to another over a slow line', 'order kept', 'while a message of it is on its way'],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-declarations.spec.ts', [
    [
      'a queue exists with other arguments',
      'an error names both sets of arguments, the queue is not changed',
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
    [
      'a message of a foreign client',
      'delivered with the properties that can be decoded',
      'delivers foreign messages with their fields',
    ],
    [
      'a handler is slower than the consumer timeout of the broker',
      'its channel is closed, the message is delivered again',
      'that is slower than the consumer timeout',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-removed.spec.ts', [
    [
      'a policy lets messages of a group expire',
      'each becomes a dead letter of the group, and this is reported',
      'that lets messages expire makes them dead letters',
    ],
    [
      'a policy drops messages at a length limit',
      'each becomes a dead letter of the group, and this is reported',
      'that drops the oldest message at a length limit',
    ],
    [
      'a policy sets a lower delivery limit',
      'the message becomes a dead letter that names the queue',
      'a delivery limit by a policy',
    ],
    [
      'a foreign message with control headers',
      'the headers are removed and counted',
      'is not believed what only the transport may say',
    ],
    [
      'two equal foreign messages without an id',
      'both are handled; ids differ, also after a crash',
      'and has an id of its own',
    ],
    [
      'an unreadable message in a delay queue',
      'it becomes a dead letter with its bytes, and this is reported',
      'in a delay queue without a readable destination',
    ],
    [
      'the broker refuses a retry for its size',
      'the message becomes a dead letter, its slot is free',
      'because its headers do not fit into a frame',
    ],
    [
      'the broker forbids the retries',
      'the messages become dead letters, other messages continue',
      'because it is forbidden becomes a dead letter',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-poison.spec.ts', [
    [
      'headers nested thousands deep, or tens of thousands of them',
      'one dead letter with its body; its neighbours are handled, no connection is lost',
      'becomes one dead letter, and its neighbours are handled',
    ],
    [
      'such a message in a held queue, a delay queue or the due queue',
      'one dead letter; foreign ones are kept, and become one when they are released',
      'becomes a dead letter wherever it is',
    ],
    [
      'random poison of every kind for a minute',
      'each is one dead letter or kept; memory is bounded, the event loop is never blocked for 200 ms',
      'poison of every kind and size costs itself only',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-interrupted.spec.ts', [
    [
      'the queue of a consumer is recreated with other arguments',
      'reported within 15 s in health, metrics and view with the reason, and solved within 15 s',
      'its queue is deleted and made with other arguments',
    ],
    [
      'the queue of a consumer is deleted, and it may not declare it',
      'reported within 15 s in health, metrics and view with the reason, and solved within 15 s',
      'its queue is deleted, and it may not declare it again',
    ],
    [
      'the permissions of a user are revoked',
      'reported within 15 s of the next connection with the reason, and solved within 15 s',
      'its permissions are revoked while it reconnects',
    ],
    [
      'a user is deleted',
      'reported within 15 s in health, metrics and view with the reason, and solved within 15 s',
      'its user is deleted',
    ],
    [
      'a line is half open, or the broker is stopped with SIGSTOP',
      'reported within 15 s in health, metrics and view, and solved within 15 s',
      'its line is half open',
    ],
    [
      'the broker cancels a consumer or loses its channel',
      'it consumes again by itself, and this is reported',
      'a consumer that the broker cancels is reported',
    ],
    [
      'the first start of a consumer fails in the background',
      'reported with each reason; it starts once the cause is repaired',
      'first for a conflict, then for want of permissions',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-clocks.spec.ts', [
    [
      'the clock of one process is an hour ahead or behind',
      'delays and retries are not early, and late by no more than otherwise',
      'delays and retries are not early when the clock of one process',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-topology.spec.ts', [
    [
      'an exchange is deleted under load, with groups in several processes',
      'every group gets every accepted message, also one that starts later',
      'an exchange that is deleted under load',
    ],
    [
      'the queue of a group is deleted while the group is down',
      'what it held is lost, and this is reported; later messages are kept for the group',
      'a group without its queue is reported',
    ],
    [
      'a virtual host is deleted and recreated',
      'what it held is lost, and this is reported; every group gets what is accepted afterwards',
      'a virtual host that is deleted and made again',
    ],
    [
      'a virtual host is recreated, and a publisher returns before all groups',
      'every group gets what is accepted meanwhile once it returns',
      'a process that returns alone to a virtual host',
    ],
    [
      'an exchange is deleted while the process of a group stands still for a minute',
      'every group gets every accepted message',
      'a group whose process stands still',
    ],
    [
      'the topology is incomplete with `topology: verify`',
      'an error lists the commands that declare what is missing',
      'declares nothing, and works after the commands',
    ],
  ]),
  ...of('rabbitmq', 'faults/rabbitmq-full-store.spec.ts', [
    [
      'the store of dead letters is full',
      'the message stays there as the same attempt, tried up to every 5 minutes; health is degraded',
      'stay on their broker, and use no attempt',
    ],
  ]),
  ...of('rabbitmq, 3 nodes', 'faults/rabbitmq-cluster.spec.ts', [
    [
      'all nodes are killed',
      'all messages are kept, including delayed ones',
      'when all nodes are killed, also what waits',
    ],
  ]),
  ...of('rabbitmq, 3 nodes', 'faults/rabbitmq-stuck.spec.ts', [
    [
      'a delay queue delivers nothing',
      'its messages are moved, and this is reported',
      'does not dead-letter by itself',
    ],
    [
      'expired messages stay in their delay queue',
      'this is reported; new messages use another queue; these are delivered once the queue has another leader',
      'that no longer dead-letters, and loses nothing',
    ],
    [
      'the node of a connection has lost a queue',
      'another node is used',
      'when the one that it is connected to delivers nothing',
    ],
    [
      'a queue belongs to a dead consumer',
      'another consumer takes over',
      'that only the broker still counts',
    ],
  ]),
  ...of('kafka', 'faults/kafka-database-redis.spec.ts', [
    [
      'the database of a handler with a kill switch is killed for a minute',
      'no attempt is used, nothing is parked, all is handled once afterwards',
      HANDLER_DATABASE,
    ],
  ]),
  ...of('kafka', 'faults/kafka-bad-servers.spec.ts', [
    [
      'no process listens at the address',
      'an error within the timeout that names the address',
      'no server listens: connecting rejects in time',
    ],
    [
      'more replicas than brokers',
      'refused, with the setting to change',
      'more replicas than brokers: refused',
    ],
    [
      'a message that the topic does not accept',
      'only this message is refused',
      'and its neighbours are not harmed',
    ],
    ['a topic is deleted', DELETED, 'a deleted topic is created again'],
    [
      'transactions of foreign producers',
      'only committed messages are delivered',
      'only committed records of foreign transactions',
    ],
  ]),
  ...of('kafka', 'faults/kafka-acl.spec.ts', [
    [
      'something is not permitted',
      'refused; resumes once it is permitted',
      'refuses with what is not permitted',
    ],
  ]),
  ...of('kafka', 'faults/kafka-offsets.spec.ts', [
    [
      'the offset of a group is beyond the end of the log',
      'everything accepted is handled; reported',
      'loses nothing that is accepted: reading continues at the oldest message',
    ],
    [
      'the offset of the wait topic is beyond its end',
      'waiting messages come; reported',
      'finds messages that wait',
    ],
    [
      'the broker removes messages that a group has not read',
      'reported with their number; the rest is handled',
      'reports how many are gone',
    ],
    [
      'the broker removes a message in flight',
      'its retry comes; unread ones are reported with their number',
      'is noticed while a consumer runs',
    ],
  ]),
  ...of('kafka', 'faults/kafka-topology.spec.ts', [
    [
      'the cluster compacts topics by default',
      'every message of a key is handled',
      'keeps every message of a key, and messages without one',
    ],
    [
      'an existing topic is compacted, or forgets before messages are due',
      'refused at the start, with the command',
      'with the command, and works once it is run',
    ],
    ['a topic is compacted while it is used', 'reported, never refused', 'reports a change while it runs'],
    [
      'partitions are added while it is used',
      'read, and used by all publishers, within 30 s; keys move',
      'are read, and used by all publishers alike, in time',
    ],
    [
      'topics are missing, and may not be created',
      'an error with the commands that create them',
      'creates nothing, and names all that is missing as commands',
    ],
  ]),
  ...of('kafka', 'faults/kafka-foreign-records.spec.ts', [
    [
      'equal foreign records without an id, tombstones',
      'each is a message of its own',
      'have an id each although they are equal',
    ],
    [
      'forged control headers in the topic of all groups',
      'ignored and counted',
      'from the topic of all groups are ignored and counted',
    ],
    [
      'an unreadable record in a wait topic',
      'a dead letter with its bytes; reported',
      'that cannot be read becomes a dead letter with its bytes',
    ],
    [
      'a retry that the broker refuses',
      'a dead letter; its slot is free',
      'becomes a dead letter and frees its slot',
    ],
  ]),
  ...of('kafka', 'faults/kafka-poison.spec.ts', [
    [
      'a batch that expands to more than 128 MiB',
      'not expanded; one dead letter with its offsets, and a report; the partition continues',
      'a gzip bomb',
    ],
    [
      'a batch of millions of records',
      'one dead letter with its offsets, and a report; the partition continues',
      '2.9 million empty records',
    ],
    [
      'a record with tens of thousands of headers',
      'one dead letter with its place; its neighbours are handled',
      '60,000 headers of one name',
    ],
    [
      'a damaged batch',
      'the broker refuses it, or what cannot be read is one dead letter',
      'the broker refuses it, or it costs itself only',
    ],
    [
      'random poison between good messages, for a minute',
      'every good message is handled; each poison is one dead letter',
      'random poison between good messages costs nothing else',
    ],
  ]),
  ...of('kafka', 'faults/kafka-interrupted.spec.ts', [
    [
      'a consumer loses its permission, its topic or its place in the group',
      'reported within 15 s with topic, group and reason; solved within 15 s',
      'a consumer is interrupted that has lost %s',
    ],
    [
      'its broker is paused, or its line is silent',
      'reported within 15 s with topic, group and reason; solved within 15 s',
      'its line, on which nothing arrives any more',
    ],
    [
      'a permission is missing at the start, with `connect: background`',
      'reported, and consumed once it is permitted',
      'at the start begins once it is permitted',
    ],
  ]),
  ...of('kafka', 'faults/kafka-delays.spec.ts', [
    [
      'the clock of a publisher or of a consumer is an hour wrong',
      'delayed messages are in time',
      'whichever process has a wrong clock',
    ],
  ]),
  ...of('kafka', 'faults/kafka-handlers.spec.ts', [
    [
      'a handler runs for longer than a session',
      'no other process gets its message',
      'keeps what runs far longer',
    ],
    [
      'a message kills every process',
      'a dead letter after its attempts',
      'parks a message that kills every process',
    ],
  ]),
  ...of('kafka', 'faults/kafka-full-store.spec.ts', [
    [
      'the store of dead letters is full',
      'the message stays there as the same attempt, tried up to every 5 minutes; health is degraded',
      'stay on their broker, and use no attempt',
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
    [
      'both are down',
      'unavailable, with the error of each',
      'says unavailable with every try while both are gone',
    ],
  ]),
  ...of('spool', 'faults/embedded-spool.spec.ts', [
    [
      '`kill -9` while it holds messages',
      'all are sent, in the order of keys',
      'loses nothing that was spooled',
    ],
  ]),
  ...of('requests on redis and on rabbitmq', 'e2e/redis-rabbitmq-requests.spec.ts', [
    [
      'the broker is killed with requests in flight',
      'each is answered or rejected by its deadline; answered again once it is back',
      'answers or rejects by the deadline what is in flight when the broker is killed, and answers again',
    ],
    [
      'the first broker of a failover is killed',
      'asked and answered over the second',
      'asks through a failover whose first broker is gone, and gets the reply over the second',
    ],
  ]),
  ...of('requests on redis and on rabbitmq', 'e2e/redis-rabbitmq-nest-requests.spec.ts', [
    [
      'their deadline passes while no handler runs',
      'dropped before the handler that comes later, and counted',
      'drops and counts what its broker has kept past its deadline, before the handler',
    ],
    [
      'a reply comes when its asker has given up',
      'dropped and counted',
      'a reply whose asker has given up is dropped and counted',
    ],
  ]),
  ...of('requests on redis and on rabbitmq', 'faults/redis-rabbitmq-bridge-kill.spec.ts', [
    [
      '`kill -9` of processes that handle them, and events, through the bridge',
      'no event is lost; each request is answered, by another process too, or rejected by its deadline',
      'no event is lost and no request hangs when processes with the bridge are killed under load',
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
        'refused with the reason',
        'refuses an authority that is not configured',
      ],
    ]),
  ]),
];
