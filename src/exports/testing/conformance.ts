export type {
  CaseContext,
  ConformanceOptions,
  Foreign,
  KeepsDeliveries,
  KilledProcess,
  Outage,
} from '../../testing/conformance/conformance.options.js';
export { runConformanceTask } from '../../testing/conformance/conformance-task.js';
export type { Topic as ConformanceTopic } from '../../testing/conformance/case-topics.js';
export { describeTransport } from '../../testing/conformance/describe-transport.js';
export type {
  DefineTest,
  Expect,
  Matchers,
  TestFramework,
} from '../../testing/conformance/test-framework.js';
