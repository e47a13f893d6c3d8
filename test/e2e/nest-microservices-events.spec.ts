import { hybridEventApp, pureEventApp } from '../support/bridge-app.js';
import { describeEvents } from '../support/event-suite.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

describeEvents('on memory', () => hybridEventApp({ kind: 'memory' }));
describeEvents('on memory, in a pure microservice', () => pureEventApp({ kind: 'memory' }));
describeEvents('on the embedded transport', () => hybridEventApp({ kind: 'embedded', directory: data.path }));
