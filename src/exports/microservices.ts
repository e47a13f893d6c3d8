export {
  connectSwitchyard,
  createSwitchyardMicroservice,
} from '../integrations/microservices/connect-switchyard.js';
export { topicOf } from '../integrations/microservices/patterns.js';
export {
  SwitchyardClient,
  switchyardClient,
  type SwitchyardClientOptions,
} from '../integrations/microservices/switchyard-client.js';
export { SwitchyardContext } from '../integrations/microservices/switchyard-context.js';
export { SwitchyardMicroservicesModule } from '../integrations/microservices/switchyard-microservices.module.js';
export {
  SwitchyardRecord,
  SwitchyardRecordBuilder,
} from '../integrations/microservices/switchyard-record.js';
export { SWITCHYARD, SwitchyardServer } from '../integrations/microservices/switchyard-server.js';
export type { SwitchyardEvents, SwitchyardStatus } from '../integrations/microservices/transport-status.js';
