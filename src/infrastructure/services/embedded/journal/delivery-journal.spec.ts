import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeliveryJournal } from './delivery-journal.js';
import { DELIVERY_RECORD } from './delivery-records.js';
import { DeliveryState } from './delivery-state.js';

const GROUP = 7;
let directory: string;
let missing = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-journal-'));
  missing = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(): {
  journal: DeliveryJournal;
  state: DeliveryState;
  hand: (seq: number, attempt?: number) => void;
  settle: (seq: number) => void;
} {
  const state = new DeliveryState();
  const journal = new DeliveryJournal(directory, {
    apply: (record) => record.groupId === GROUP && state.apply(record),
    onMissing: () => {
      missing += 1;
      state.noteMissing(1);
    },
    snapshot: (add) => {
      for (const record of state.records(GROUP)) add(record);
    },
  });
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

  it.each([1, 2, 3])('has all that was not settled when batch %i is damaged', (batch) => {
    const first = open();
    first.hand(1);
    first.journal.flush();
    first.hand(2);
    first.settle(1);
    first.journal.flush();
    first.hand(3);
    first.hand(4);
    first.settle(3);
    first.journal.flush();
    first.journal.close();
    damage('hand-out.1', batch);
    const { state, journal } = open();
    expect(['2', '4'].every((seq) => state.open.has(Number(seq)) || state.high < Number(seq))).toBe(true);
    expect(missing).toBe(batch === 3 ? 0 : 1); // a damaged last one looks like the end
    journal.close();
  });

  it('continues the other file when its first batch is damaged', () => {
    const first = open();
    for (const seq of [1, 2]) first.hand(seq);
    first.settle(1);
    first.journal.rotate();
    first.settle(2);
    first.hand(3);
    first.journal.flush();
    first.journal.close();
    damage('hand-out.0', 0);
    const { state, journal } = open();
    expect([state.high, state.open.has(3)]).toEqual([3, true]);
    expect(missing).toBe(1);
    journal.close();
  });
});

function damage(file: string, batch: number): void {
  const path = join(directory, file);
  const bytes = readFileSync(path);
  let at = 0;
  for (let nth = 0; nth < batch; nth += 1) at += 16 + bytes.readUInt32LE(at + 8);
  bytes[at + 20]! ^= 0x10;
  writeFileSync(path, bytes);
}
