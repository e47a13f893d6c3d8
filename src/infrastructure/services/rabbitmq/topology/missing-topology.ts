import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { declared, type QueueArguments } from './queue-arguments.js';

/** An exchange, queue or binding, as `rabbitmqadmin` declares it. */
export type Declaration =
  | { readonly kind: 'exchange'; readonly name: string; readonly type: 'fanout' | 'topic' }
  | { readonly kind: 'queue'; readonly name: string; readonly args: QueueArguments }
  | {
      readonly kind: 'binding';
      readonly source: string;
      readonly to: 'queue' | 'exchange';
      readonly name: string;
      readonly routingKey: string;
    };

/** The command that declares it. Names contain neither quotes nor blanks, so that a shell takes them as they are. */
export function commandOf(declaration: Declaration): string {
  switch (declaration.kind) {
    case 'exchange':
      return `rabbitmqadmin declare exchange name=${declaration.name} type=${declaration.type} durable=true`;
    case 'queue': {
      const args = JSON.stringify(declared(declaration.args).arguments);
      return `rabbitmqadmin declare queue name=${declaration.name} durable=true arguments='${args}'`;
    }
    case 'binding': {
      const { source, to, name, routingKey } = declaration;
      return `rabbitmqadmin declare binding source=${source} destination_type=${to} destination=${name} routing_key='${routingKey}'`;
    }
  }
}

/** With `topology: 'verify'` nothing is declared: the error lists what is missing as commands. */
export function missingTopology(label: string, declarations: readonly Declaration[]): MessagingError {
  const missing = declarations.filter(({ kind }) => kind !== 'binding').length;
  const commands = declarations.map(commandOf).join('\n');
  return new MessagingError(
    'TOPOLOGY_MISSING',
    `${label} lacks ${missing} exchanges or queues, and declares none with topology "verify". ` +
      `Run these commands (with --vhost for another virtual host than "/"), or import the same as definitions:\n${commands}`,
  );
}
