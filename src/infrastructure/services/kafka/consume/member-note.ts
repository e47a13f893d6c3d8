import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import type { Kafkajs } from '../client/kafkajs-client.js';

/** Far above what any version says. */
const MAX_FORMAT = 1_000;

/** What a member of a group says about itself, so that partitions go to members that can read all of them. */
export function memberNote(): Buffer {
  return Buffer.from(JSON.stringify({ format: FORMATS.member }));
}

/** The format of a member; 1 for one that says nothing, or is a foreign client. */
export function memberFormat(metadata: Buffer, { MemberMetadata }: Kafkajs['AssignerProtocol']): number {
  try {
    const note: unknown = JSON.parse(MemberMetadata.decode(metadata)?.userData.toString() ?? '');
    const { format } = (note ?? {}) as { readonly format?: unknown };
    return typeof format === 'number' && Number.isInteger(format) && format <= MAX_FORMAT
      ? Math.max(1, format)
      : 1;
  } catch {
    return 1;
  }
}

/** The members with the highest format: while there are any, others get no partitions. */
export function newestOf<M extends { readonly memberMetadata: Buffer }>(
  members: readonly M[],
  protocol: Kafkajs['AssignerProtocol'],
): M[] {
  const formats = members.map(({ memberMetadata }) => memberFormat(memberMetadata, protocol));
  const highest = Math.max(...formats);
  return members.filter((_, index) => formats[index] === highest);
}
