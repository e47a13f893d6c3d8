declare module 'kafkajs-snappy';
declare module 'kafkajs-lz4';
declare module '@kafkajs/zstd';
