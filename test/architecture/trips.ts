/** One trip of a message through one broker's folder, as docs/changing/message-path.md lists it. */
export interface Trip {
  /** The heading above it, such as `Publish`. */
  readonly section: string;
  readonly broker: string;
  /** What the page counts. */
  readonly count: number;
  readonly files: readonly string[];
  /** Files of the publish trip at which this one joins it. */
  readonly joins: readonly string[];
  /** Why it is longer than the aim; empty where it is not. */
  readonly reason: string;
}

const FILE = /`([\w./-]+\.(?:ts|lua))`/g;
/** `- **Redis** (8): files. Reason: text`, over several lines. */
const TRIP = /^ *- \*\*(?<broker>\w+)\*\* \((?<count>\d+)\): (?<rest>.*(?:\n(?! *(?:- |\d\. )) +\S.*)*)/gm;

/** The trips of the page, in its order. */
export function readTrips(page: string): readonly Trip[] {
  return page.split(/^## /m).flatMap((section) => {
    const title = section.split('\n', 1)[0] ?? '';
    return [...section.matchAll(TRIP)].map(({ groups }) => {
      const { broker = '', count, rest = '' } = groups ?? {};
      const [way = '', reason = ''] = rest.split(/\.\s+Reason: /);
      const stops = way.split(/\s+>\s+/);
      return {
        section: title,
        broker,
        count: Number(count),
        files: stops.filter((stop) => !stop.startsWith('_')).flatMap(namesIn),
        joins: stops.filter((stop) => stop.startsWith('_')).flatMap(namesIn),
        reason,
      };
    });
  });
}

/** The files that the page names beside the trips of brokers. */
export function namesBesideTrips(page: string): readonly string[] {
  return [...new Set(namesIn(page.replace(TRIP, '')))];
}

function namesIn(text: string): string[] {
  return [...text.matchAll(FILE)].map(([, name = '']) => name);
}
