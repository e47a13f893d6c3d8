import { commandOf, missingTopology } from './missing-topology.js';

it.each([
  [
    { kind: 'exchange', name: 'p.t', type: 'fanout' },
    'rabbitmqadmin declare exchange name=p.t type=fanout durable=true',
  ],
  [
    { kind: 'queue', name: 'p.t/g', args: { 'x-queue-type': 'quorum' } },
    `rabbitmqadmin declare queue name=p.t/g durable=true arguments='{"x-queue-type":"quorum"}'`,
  ],
  [
    { kind: 'binding', source: 'p.t', to: 'queue', name: 'p.t/g', routingKey: '#' },
    `rabbitmqadmin declare binding source=p.t destination_type=queue destination=p.t/g routing_key='#'`,
  ],
] as const)('%j is a command', (declaration, command) => {
  expect(commandOf(declaration)).toBe(command);
});

it('the error counts what is missing and lists the commands', () => {
  const exchange = { kind: 'exchange', name: 'p.t', type: 'fanout' } as const;
  const binding = { kind: 'binding', source: 'p.t', to: 'queue', name: 'q', routingKey: '' } as const;
  const error = missingTopology('RabbitMQ "main"', [exchange, binding]);
  expect(error).toMatchObject({ code: 'TOPOLOGY_MISSING' });
  expect(error.message).toContain('RabbitMQ "main" lacks 1 exchanges or queues');
  expect(error.message.split('\n').slice(1)).toEqual([commandOf(exchange), commandOf(binding)]);
});
