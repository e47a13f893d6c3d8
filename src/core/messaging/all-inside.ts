import { isComposite } from './composite.js';
import type { Transport } from './transport.js';

/** These transports and everything that they are put together from, each once. */
export function allInside(transports: readonly Transport[]): readonly Transport[] {
  const within = (transport: Transport): readonly Transport[] => [
    transport,
    ...(isComposite(transport) ? transport.members().flatMap(within) : []),
  ];
  return [...new Set(transports.flatMap(within))];
}
