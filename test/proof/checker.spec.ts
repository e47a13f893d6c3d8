import { Checker, type Verdict } from './checker.js';

const GROUPS = { plain: ['mail', 'audit'], keyed: ['ledger'] };
let t = 0;
const line = (e: string, id: string, more: object = {}) => JSON.stringify({ t: ++t, e, id, ...more });
const intent = (id: string, topic = 'plain', more: object = {}) =>
  line('i', id, { topic, seq: Number(id.split('-').at(-1)), ...more });
const accepted = (id: string, level = 'acknowledged') => line('a', id, { level });
const done = (id: string, ...groups: string[]) =>
  groups.flatMap((group) => [line('d', id, { group }), line('h', id, { group })]);
const fine = (id: string) => [intent(id), accepted(id), ...done(id, 'mail', 'audit')];

function check(...lines: string[]): Verdict {
  const checker = new Checker({ groups: GROUPS, ordered: ['ledger'] });
  for (const one of lines) checker.add(one);
  return checker.verdict();
}

describe('the checker', () => {
  it('has nothing to say about a run in which all went well, in whichever order it reads the histories', () => {
    const lines = [...fine('p-1'), ...fine('p-2'), line('n', '', { what: 'kill', isOn: true })];
    for (const verdict of [check(...lines), check(...lines.reverse())])
      expect(verdict).toEqual({
        published: 2,
        accepted: 2,
        unknown: 0,
        failed: 0,
        delivered: 4,
        lost: { acknowledged: { count: 0, sample: [] } },
        aborted: { count: 0, sample: [] },
        phantom: { count: 0, sample: [] },
        unhandled: { count: 0, sample: [] },
        vanished: { count: 0, sample: [] },
        duplicated: { count: 0, sample: [] },
        reordered: { count: 0, sample: [] },
        forbidden: { count: 0, sample: [] },
        isVacuous: false,
        torn: 0,
      });
  });

  it('finds what was lost, by the level of its receipt, also when one group of two has it', () => {
    const { lost } = check(
      ...fine('p-1'),
      intent('p-2'),
      accepted('p-2', 'replicated'),
      ...done('p-2', 'mail'),
      intent('p-3'),
      accepted('p-3'),
    );
    expect(lost).toEqual({
      acknowledged: { count: 1, sample: ['p-3'] },
      replicated: { count: 1, sample: ['p-2'] },
    });
  });

  it('counts apart what was delivered and never accepted, where such a message may vanish', () => {
    const checkWith = (unacceptedMayVanish: boolean, ...lines: string[]): Verdict => {
      const checker = new Checker({ groups: GROUPS, ordered: [], unacceptedMayVanish });
      for (const one of lines) checker.add(one);
      return checker.verdict();
    };
    const seenOnly = [intent('p-1'), line('u', 'p-1', { code: 'X' }), line('d', 'p-1', { group: 'mail' })];
    const none = { count: 0, sample: [] };
    const one = { count: 1, sample: ['p-1'] };
    expect(checkWith(true, ...seenOnly)).toMatchObject({ unhandled: none, vanished: one });
    expect(checkWith(false, ...seenOnly)).toMatchObject({ unhandled: one, vanished: none });
    expect(checkWith(true, ...seenOnly, accepted('p-1'))).toMatchObject({ unhandled: one, vanished: none });
  });

  it('does not miss what was not accepted', () => {
    const unknown = [intent('p-2'), line('u', 'p-2', { code: 'X' })];
    const failed = [intent('p-3'), line('f', 'p-3', { code: 'X' })];
    const verdict = check(...fine('p-1'), ...unknown, ...failed);
    expect(verdict).toMatchObject({ unknown: 1, failed: 1, lost: { acknowledged: { count: 0 } } });
    expect(verdict.aborted.count).toBe(0);
  });

  it('finds what was said to have failed for certain, and arrived', () => {
    const lines = [intent('p-2'), line('f', 'p-2', { code: 'X' }), ...done('p-2', 'mail', 'audit')];
    expect(check(...fine('p-1'), ...lines).aborted).toEqual({ count: 1, sample: ['p-2'] });
  });

  it('finds messages that were never sent or have changed on their way', () => {
    const forged = [intent('p-2'), accepted('p-2'), line('d', 'p-2', { group: 'mail', isForged: true })];
    expect(check(...done('p-9', 'mail'), ...forged).phantom.sample).toEqual(['p-9', 'p-2']);
  });

  it('finds what was handed over and neither handled nor parked', () => {
    const parked = [line('d', 'p-3', { group: 'mail' }), line('q', 'p-3', { group: 'mail' })];
    const { unhandled } = check(intent('p-2'), line('d', 'p-2', { group: 'mail' }), intent('p-3'), ...parked);
    expect(unhandled).toEqual({ count: 1, sample: ['p-2'] });
  });

  it('counts what a group got twice, and not what two groups got', () => {
    const { duplicated } = check(...fine('p-1'), ...fine('p-2'), ...done('p-2', 'mail'));
    expect(duplicated).toEqual({ count: 1, sample: ['p-2'] });
  });

  it('finds what an ordered group first saw after a later one of the same lane', () => {
    const keyed = (id: string, lane: string, level: string[] = [accepted(id)]) => [
      intent(id, 'keyed', { lane }),
      ...level,
    ];
    const order = (...ids: string[]) => ids.flatMap((id) => done(id, 'ledger'));
    const published = [1, 2, 3].flatMap((seq) => [...keyed(`p-${seq}`, 'p/a'), ...keyed(`q-${seq}`, 'q/a')]);
    const { reordered } = check(...published, ...order('p-1', 'q-3', 'p-3', 'p-2', 'p-3', 'p-1', 'q-1'));
    expect(reordered.sample).toEqual(['p-2', 'q-1']);
    const late = check(...keyed('p-1', 'p/a', []), ...keyed('p-2', 'p/a'), ...order('p-2', 'p-1'));
    expect(late.reordered.count).toBe(0); // nobody knew whether it was taken
    const [early10, middle20, late30] = [order('p-1'), order('p-2'), order('p-1')];
    // The history with the second copy of the first one is read before the one with the first copy.
    const copy = check(...keyed('p-1', 'p/a'), ...keyed('p-2', 'p/a'), ...late30, ...early10, ...middle20);
    expect(copy.reordered.count).toBe(0);
  });

  it('detects a run that proves nothing', () => {
    expect(check().isVacuous).toBe(true);
    expect(check(intent('p-1'), accepted('p-1')).isVacuous).toBe(true);
    expect(check(intent('p-1'), ...done('p-1', 'mail')).isVacuous).toBe(true);
  });

  it('counts torn lines and what must never happen', () => {
    const verdict = check(
      ...fine('p-1'),
      '{"t":1,"e":"i","id',
      line('x', '', { what: 'unhandled rejection' }),
    );
    expect(verdict).toMatchObject({ torn: 1, forbidden: { count: 1, sample: ['unhandled rejection'] } });
  });

  it('knows how many messages are still to be done with', () => {
    const checker = new Checker({ groups: GROUPS, ordered: [] });
    for (const one of [...fine('p-1'), intent('p-2'), accepted('p-2')]) checker.add(one);
    expect(checker.open).toBe(1);
    checker.add(line('d', 'p-3', { group: 'mail' }));
    expect(checker.open).toBe(2);
    for (const one of done('p-2', 'mail', 'audit')) checker.add(one);
    checker.add(line('q', 'p-3', { group: 'mail' }));
    expect(checker.open).toBe(0);
  });

  it('reads a million messages', () => {
    const checker = new Checker({ groups: { keyed: ['ledger'] }, ordered: ['ledger'] });
    for (let seq = 1; seq <= 1_000_000; seq += 1) {
      const id = `producer-${seq}`;
      checker.add(`{"t":${seq},"e":"i","id":"${id}","topic":"keyed","lane":"p/k${seq % 100}","seq":${seq}}`);
      checker.add(`{"t":${seq},"e":"a","id":"${id}","level":"replicated"}`);
      checker.add(`{"t":${seq + 1},"e":"d","id":"${id}","group":"ledger"}`);
      checker.add(`{"t":${seq + 2},"e":"h","id":"${id}","group":"ledger"}`);
    }
    const verdict = checker.verdict();
    expect(verdict).toMatchObject({ accepted: 1_000_000, delivered: 1_000_000, isVacuous: false });
    expect([verdict.lost['replicated']?.count, verdict.reordered.count]).toEqual([0, 0]);
  }, 60_000);
});
