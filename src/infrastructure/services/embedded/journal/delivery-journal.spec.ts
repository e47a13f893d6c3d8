import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeliveryJournal } from './delivery-journal.js';
import { DELIVERY_RECORD } from './delivery-records.js';
import { DeliveryState } from './delivery-state.js';

const GROUP = 7;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-journal-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(): {
  journal: DeliveryJournal;
  state: DeliveryState;
  hand: (seq: number, attempt?: number) => void;
  settle: (seq: number) => void;
} {
  const state = new DeliveryState();
  const journal = new DeliveryJournal(
    directory,
    (record) => record.groupId === GROUP && state.apply(record),
    (add) => {
      for (const record of state.records(GROUP)) add(record);
    },
  );
  const note = (kind: 3 | 4, seq: number, attempt: number): void => {
    state.apply({ kind, groupId: GROUP, number: seq, attempt });
    journal.add(kind, GROUP, seq, attempt);
  };
  return {
    journal,
    state,
    hand: (seq, attempt = 1) => note(DELIVERY_RECORD.handed, seq, attempt),
    settle: (seq) => note(DELIVERY_RECORD.settled, seq, 0),
  };
}

describe('the hand-out journal', () => {
  it('has after a kill what was flushed, with the next attempt of what was in flight', () => {
    const first = open();
    for (const seq of [1, 2, 3]) first.hand(seq);
    first.settle(2);
    first.hand(3, 4);
    first.journal.flush();
    first.hand(4); // never flushed
    const second = open();
    expect(second.state.high).toBe(3);
    expect([...second.state.open]).toEqual([
      [1, 2],
      [3, 5],
    ]);
    expect(second.state.floor).toBe(1);
    second.journal.close();
    first.journal.close();
  });

  it('keeps its size and its state through many files', () => {
    const { journal, hand, settle } = open();
    for (let seq = 1; seq <= 200_000; seq += 1) {
      hand(seq);
      if (seq !== 5) settle(seq);
      if (seq % 50 === 0) journal.flush();
    }
    journal.close();
    const { state, journal: again } = open();
    expect(state.high).toBe(200_000);
    expect([...state.open]).toEqual([[5, 2]]);
    again.close();
    for (const file of ['hand-out.0', 'hand-out.1'])
      expect(readFileSync(join(directory, file)).length).toBe(1024 * 1024);
  });

  it('stops at the first batch that is damaged, and falls back to the other file when the first batch is', () => {
    const first = open();
    first.hand(1);
    first.journal.flush();
    first.hand(2);
    first.journal.flush();
    first.journal.close();
    const path = join(directory, 'hand-out.1');
    const bytes = readFileSync(path);
    const at = bytes.lastIndexOf(Buffer.from([DELIVERY_RECORD.handed, 0]));
    bytes.fill(0xee, at, at + 4);
    writeFileSync(path, bytes);
    const second = open();
    expect([...second.state.open.keys()]).toEqual([1]);
    second.journal.close();
    const newest = readFileSync(join(directory, 'hand-out.0'));
    newest.fill(0xee, 16, 24);
    writeFileSync(join(directory, 'hand-out.0'), newest);
    const third = open();
    expect([...third.state.open.keys()]).toEqual([1]);
    third.journal.close();
  });
});
