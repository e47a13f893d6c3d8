import type { CustomTransportStrategy } from '@nestjs/microservices';
import { SWITCHYARD, type SwitchyardServer } from './switchyard-server.js';

type Server = SwitchyardServer;

/**
 * Stands for the server of an application that is only a microservice: Nest wants the strategy before it makes the application, and the
 * server is one of that's providers. Older versions of Nest 11 take no strategy that is injected.
 */
export class LateStrategy implements CustomTransportStrategy {
  readonly transportId = SWITCHYARD;
  readonly propagatesEventHandlerErrors = true;
  #server: Server | undefined;

  use(server: Server): void {
    this.#server = server;
  }

  get status(): Server['status'] {
    return this.#made.status;
  }

  on(...args: Parameters<Server['on']>): void {
    this.#made.on(...args);
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest
  unwrap<T>(): T {
    return this.#made.unwrap<T>();
  }

  addHandler(...args: Parameters<Server['addHandler']>): void {
    this.#made.addHandler(...args);
  }

  listen(...args: Parameters<Server['listen']>): void {
    this.#made.listen(...args);
  }

  /** Nest also closes an application that could not be made. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  setOnProcessingStartHook(...args: Parameters<Server['setOnProcessingStartHook']>): void {
    this.#made.setOnProcessingStartHook(...args);
  }

  setOnProcessingEndHook(...args: Parameters<Server['setOnProcessingEndHook']>): void {
    this.#made.setOnProcessingEndHook(...args);
  }

  get #made(): Server {
    if (this.#server) return this.#server;
    throw new Error('The microservice was used before it was made.');
  }
}
