import { type InsecureUse, insecureUsesOf } from '../infrastructure/services/transports.js';
import { label } from './explain.js';
import { isGroup, type Settings } from './settings.js';

/** Whether what is insecure is refused, and why, as the end of a sentence. */
interface Production {
  readonly isOn: boolean;
  readonly because: string;
}

/** What production found: what it refuses, and what `allowInsecure` permits. Sentences without a value of a key. */
export interface ProductionReport {
  readonly production: boolean;
  readonly problems: readonly string[];
  readonly permitted: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @param values the settings with texts converted; those of a wrong kind are left out, because the schema reports them. */
export function checkProduction(settings: Settings, values: unknown, env: Environment): ProductionReport {
  const { isOn, because } = productionOf(settings, values, env);
  if (!isOn) return { production: false, problems: [], permitted: [] };
  const allowed = isGroup(values) && Array.isArray(values['allowInsecure']) ? values['allowInsecure'] : [];
  const all = [...insecureTransports(settings, values), ...insecureProcess(env)];
  const isAllowed = ({ kind }: InsecureUse): boolean => allowed.includes(kind);
  return {
    production: true,
    problems: [
      ...all
        .filter(({ use }) => !isAllowed(use))
        .map(
          ({ at, use }) =>
            `${at} ${use.does}, and ${because}. ${use.remedy} To permit it, list ${use.kind} in allowInsecure.`,
        ),
      ...problemsOfAdmin(settings, values, because),
    ],
    permitted: all
      .filter(({ use }) => isAllowed(use))
      .map(({ at, use }) => `${at} ${use.does}. allowInsecure permits it (${use.kind}).`),
  };
}

function productionOf(settings: Settings, values: unknown, env: Environment): Production {
  const set = isGroup(values) ? values['production'] : undefined;
  if (typeof set === 'boolean') return { isOn: set, because: `${label(['production'], settings)} is true` };
  return { isOn: env['NODE_ENV'] === 'production', because: 'NODE_ENV is production' };
}

interface PlacedUse {
  readonly at: string;
  readonly use: InsecureUse;
}

function insecureTransports(settings: Settings, values: unknown): PlacedUse[] {
  const transports = isGroup(values) ? values['transports'] : undefined;
  return Object.entries(isGroup(transports) ? transports : {}).flatMap(([name, options]) =>
    (isGroup(options) ? insecureUsesOf(options) : []).map((use) => ({
      at: label(['transports', name, ...use.key], settings),
      use,
    })),
  );
}

/** Node then verifies no certificate of any connection of the process. */
function insecureProcess(env: Environment): PlacedUse[] {
  if (env[UNVERIFIED] !== '0') return [];
  const does = 'is 0: no certificate of any server is verified';
  return [{ at: UNVERIFIED, use: { kind: 'tls', key: [], does, remedy: 'Remove it.' } }];
}

const UNVERIFIED = 'NODE_TLS_REJECT_UNAUTHORIZED';

function problemsOfAdmin(settings: Settings, values: unknown, because: string): string[] {
  const admin = isGroup(values) ? values['admin'] : undefined;
  if (!isGroup(admin)) return []; // without a word about it, an application has no admin API
  const { enabled = true, apiKeys = [] } = admin;
  if (enabled !== true || !Array.isArray(apiKeys) || apiKeys.length > 0) return [];
  return [
    `${label(['admin', 'apiKeys'], settings)} is empty, and ${because}. Configure a key, or set admin.enabled to false.`,
  ];
}
