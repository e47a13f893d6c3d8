import { auditLine } from './audit-entry.js';

describe('a line of the audit log', () => {
  it('says when, what, who and how it ended', () => {
    const line = auditLine(
      { action: 'replay', actor: 'ann', outcome: 'succeeded', id: 'x', reason: 'INC-1' },
      0,
    );
    expect(JSON.parse(line)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      action: 'replay',
      outcome: 'succeeded',
      actor: 'ann',
      id: 'x',
      reason: 'INC-1',
    });
  });

  it('stays one line of harmless characters, whatever an actor types', () => {
    const reason = 'a\r\n{"action":"forged"}\u2028\u2029\u001b[31m\u0085\u009b\u202e';
    const line = auditLine({ action: 'replay', actor: reason, outcome: 'failed', reason }, 0);
    // eslint-disable-next-line no-control-regex -- looks for what must not be there
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    expect(JSON.parse(line)).toMatchObject({ actor: reason, reason });
  });

  it('cuts long texts', () => {
    const line = auditLine({ action: 'replay', actor: 'a'.repeat(10_000), outcome: 'denied' }, 0);
    expect(line.length).toBeLessThan(500);
  });
});
