import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { loadKafkajs } from '../client/kafkajs-client.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { Assignment } from './group-reader.js';
import { memberFormat } from './member-note.js';

/** Reports that all partitions are with members of a newer version, when this one gets none. */
export class NewerMembers {
  #isIdle = false;

  constructor(
    private readonly link: Pick<KafkaConnection, 'ask'>,
    private readonly groupId: string,
    private readonly formats: NewerFormats,
  ) {}

  assigned(assignment: Assignment): void {
    this.#isIdle = Object.values(assignment).every((ids) => ids.length === 0);
    // A failure costs one report; the group assigns partitions again.
    if (this.#isIdle) void this.#look().catch(() => undefined);
  }

  async #look(): Promise<void> {
    const [{ AssignerProtocol }, { groups }] = await Promise.all([
      loadKafkajs(),
      this.link.ask((admin) => admin.describeGroups([this.groupId])),
    ]);
    const members = groups.flatMap((group) => group.members);
    const highest = Math.max(
      0,
      ...members.map(({ memberMetadata }) => memberFormat(memberMetadata, AssignerProtocol)),
    );
    if (highest > FORMATS.member && this.#isIdle)
      this.formats.found('members, which get all messages,', highest, () => this.#isIdle);
  }
}
