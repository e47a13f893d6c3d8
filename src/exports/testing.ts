export type { HandledMessage, PlannedFailure } from '../testing/handler-runs.js';
export { NotSettledError, type Outage, SwitchyardHarness } from '../testing/harness.js';
export { ManualClock } from '../testing/manual-clock.js';
export { messageContext, type MessageContextOptions } from '../testing/message-context.js';
export type { PublishedMessage } from '../testing/published-messages.js';
export { RecordingMessagingService } from '../testing/recording-messaging.service.js';
export { SwitchyardTestingModule } from '../testing/switchyard-testing.module.js';
export type { TestTransport } from '../testing/test-transports.js';
export type { SwitchyardTestingOptions } from '../testing/testing.options.js';
