import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { EMBEDDED_FORMAT, FIRST_CHECKED_FORMAT } from './embedded-format.js';
import { decodeRecord, encodeRecord, tableSeed } from '../records/record-codec.js';

/** The table of the one record that names the format of a directory. */
export const FORMAT_TABLE = 'format';
export const FORMAT_KEY = Buffer.from('format');
const SEED = tableSeed(FORMAT_TABLE);

/** The format of a directory. */
export interface Format {
  /** Of the latest release that has opened it. */
  readonly format: number;
  /** That it was made with: it may hold records of every format since. */
  readonly since: number;
}

export const CURRENT: Format = { format: EMBEDDED_FORMAT, since: EMBEDDED_FORMAT };
/** Of a directory without the record. */
export const UNNUMBERED: Format = { format: 1, since: 1 };

/** Whether records without a checksum are of an earlier format, and not corrupt. */
export function mayHavePlain({ since }: Format): boolean {
  return since < FIRST_CHECKED_FORMAT;
}

export function encodeFormat(format: Format): Buffer {
  return encodeRecord(SEED, FORMAT_KEY, Buffer.from(JSON.stringify(format)));
}

/** Nothing for a record that cannot be read. */
export function decodeFormat(bytes: Buffer): Format | undefined {
  const { value, isCorrupt } = decodeRecord(SEED, { key: FORMAT_KEY, bytes, mayBePlain: false });
  return isCorrupt ? undefined : (JSON.parse(value.toString()) as Format);
}

/** @throws MessagingError `FORMAT_UNSUPPORTED` for a directory of a later release. */
export function assertReadable(directory: string, { format }: Format): void {
  if (format <= EMBEDDED_FORMAT) return;
  throw new MessagingError(
    'FORMAT_UNSUPPORTED',
    `${directory} has format ${format}, and this release of switchyard reads formats up to ${EMBEDDED_FORMAT}. ` +
      'Use the release that has written it, or a directory of its own for this one. Nothing was changed in it.',
  );
}
