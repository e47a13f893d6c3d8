import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { typeOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import {
  alterCommand,
  checkSettings,
  describeDeviations,
  type SettingsCheck,
  settingsOf,
  type WantedTopic,
} from './topic-settings.js';

/**
 * Compares the settings of topics with those on which promises rest. What removes accepted messages is refused when this process first
 * meets the topic; a later change is reported, because a process that works must not stop then.
 */
export class TopicChecks {
  readonly #met = new Set<string>();

  constructor(
    private readonly link: KafkaConnection,
    private readonly problems: ProblemList,
  ) {}

  /** @throws MessagingError `TOPOLOGY_UNSAFE` with the commands that correct the settings. */
  async first(wanted: readonly WantedTopic[]): Promise<void> {
    const fresh = wanted.filter(({ topic }) => !this.#met.has(topic));
    const checks = await this.#check(fresh);
    const unsafe = checks.filter((check) => check.unsafe.length > 0);
    if (unsafe.length > 0) throw this.#unsafeError(unsafe);
    for (const { topic } of fresh) this.#met.add(topic);
    for (const check of checks) this.#report(check);
  }

  /** Reports what has changed. */
  async again(wanted: readonly WantedTopic[]): Promise<void> {
    for (const check of await this.#check(wanted)) this.#report(check);
  }

  /** None when they cannot be read now: they are read again before long. */
  async #check(wanted: readonly WantedTopic[]): Promise<SettingsCheck[]> {
    if (wanted.length === 0 || !this.link.isUp) return [];
    const { options } = this.link;
    const { ConfigResourceTypes } = this.link.client.kafkajs;
    const resources = wanted.map((each) => ({
      type: ConfigResourceTypes.TOPIC,
      name: each.topic,
      configNames: Object.keys(settingsOf(each, options)),
    }));
    try {
      const answer = await this.link.askOptional((admin) =>
        admin.describeConfigs({ resources, includeSynonyms: false }),
      );
      this.problems.solve('topic_settings_unreadable');
      const byName = new Map(
        answer.resources.map(({ resourceName, configEntries }) => [resourceName, configEntries]),
      );
      return wanted.map((each) => {
        const entries = byName.get(each.topic) ?? [];
        const found = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
        return checkSettings(each, found, options);
      });
    } catch (error) {
      if (/AUTHORIZATION/.test(typeOf(error) ?? '')) this.#reportUnreadable();
      return [];
    }
  }

  #report({ wanted, unsafe, others }: SettingsCheck): void {
    for (const [code, deviations] of [
      ['topic_unsafe', unsafe],
      ['topic_settings', others],
    ] as const)
      if (deviations.length === 0) this.problems.solve(code, wanted.place);
      else {
        const detail = `Topic "${wanted.topic}" has other settings than its messages need: ${describeDeviations(deviations)}. Run: ${alterCommand(wanted.topic, deviations, this.link.options)}`;
        this.problems.add({ code, ...wanted.place, detail });
      }
  }

  #reportUnreadable(): void {
    const { namePrefix } = this.link.options;
    const detail = `${this.link.label} does not permit to read the settings of topics, so that settings that remove messages are not noticed. Permit DescribeConfigs on topics with the prefix "${namePrefix}".`;
    this.problems.add({ code: 'topic_settings_unreadable', detail });
  }

  #unsafeError(checks: readonly SettingsCheck[]): MessagingError {
    const lines = checks.map(
      ({ wanted: { topic }, unsafe }) =>
        `  topic "${topic}": ${describeDeviations(unsafe)}. Run: ${alterCommand(topic, unsafe, this.link.options)}`,
    );
    return new MessagingError(
      'TOPOLOGY_UNSAFE',
      `${this.link.label}: settings of ${checks.length} topics would remove messages that were accepted.\n${lines.join('\n')}`,
    );
  }
}
