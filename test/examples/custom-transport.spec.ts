import { describeFolderTransport } from '../../examples/custom-transport/conformance.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

describeFolderTransport({ describe, it, expect }, data.path);
