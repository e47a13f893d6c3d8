/**
 * The number of the format of the files of the embedded transport and stores. Raised when an older release would
 * misread what this one writes; an older release refuses a directory of a higher number.
 *
 * 1: without checksums, and without the number. 2: with both.
 *
 * The only place of the number: a test build of a later format replaces this module.
 */
export const EMBEDDED_FORMAT = 2;
/** The first format whose records all have a checksum. */
export const FIRST_CHECKED_FORMAT = 2;
