declare module 'kafkajs/src/network/requestQueue/index.js';
declare module 'kafkajs/src/consumer/consumerGroup.js';
declare module 'kafkajs/src/consumer/runner.js';
