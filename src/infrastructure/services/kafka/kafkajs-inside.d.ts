declare module 'kafkajs/src/network/requestQueue/index.js';
declare module 'kafkajs/src/consumer/consumerGroup.js';
declare module 'kafkajs/src/consumer/runner.js';
declare module 'kafkajs/src/protocol/requests/produce/index.js';
declare module 'kafkajs/src/protocol/requests/produce/v3/request.js';
declare module 'kafkajs/src/utils/long.js';
