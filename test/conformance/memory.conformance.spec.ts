import { createTransport } from './memory.factory.js';
import { describeTransport } from './transport-suite.js';

describeTransport('Memory', {
  replies: true,
  repliesStayInProcess: true,
  tooLargeBytes: 2 * 2 ** 20,
  create: createTransport,
});
