import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { RabbitmqInstallation } from './rabbitmq-node.js';

/** Where `npm run brokers -- debian-13` unpacks the packages. */
const FOLDER = join(homedir(), '.cache', 'switchyard', 'debian-13');

export const VALKEY_SERVER = join(FOLDER, 'usr', 'bin', 'valkey-server');

const ERLANG = join(FOLDER, 'usr', 'lib', 'erlang', 'bin');

export const RABBITMQ_4: RabbitmqInstallation = {
  bin: join(FOLDER, 'usr', 'lib', 'rabbitmq', 'bin'),
  epmd: join(ERLANG, 'epmd'),
  path: [ERLANG, process.env['PATH'] ?? ''].join(delimiter),
};
