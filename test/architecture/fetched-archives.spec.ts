import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Scripts that download servers for tests with Maven, and a library of each. */
const SCRIPTS: readonly (readonly [script: string, library: string])[] = [
  ['scripts/kafka-artifacts.mjs', 'kafka_2.13-3.9.1.jar'],
  ['scripts/old-redis-artifacts.mjs', 'embedded-redis-0.7.3.jar'],
];

/** A Maven that downloads what an attacker has put in the place of a library, and unpacks it when asked to. */
const MAVEN = `#!/bin/sh
for argument; do case $argument in -DoutputDirectory=*) folder=\${argument#*=} ;; esac; done
mkdir -p "$folder"
echo "$@" >> "$CALLS"
for library in $LIBRARIES; do echo changed > "$folder/$library"; done
`;

const directory = temporaryDirectory();
afterAll(directory.remove);

function run(script: string, libraries: readonly string[]) {
  const home = fs.mkdtempSync(path.join(directory.path, 'home-'));
  const calls = path.join(home, 'calls');
  fs.writeFileSync(path.join(home, 'mvn'), MAVEN, { mode: 0o755 });
  const env = {
    HOME: home,
    CALLS: calls,
    LIBRARIES: libraries.join(' '),
    PATH: `${home}${path.delimiter}${process.env['PATH'] ?? ''}`,
  };
  const { status, stderr } = spawnSync(process.execPath, [script], { env, encoding: 'utf8' });
  const kept = fs.existsSync(path.join(home, '.cache'));
  return { status, stderr, kept, calls: fs.readFileSync(calls, 'utf8') };
}

/** The file names that the script expects, from its refusal of none. */
function expectedBy(script: string): readonly string[] {
  const [, names = ''] = /ones: (.*) missing/.exec(run(script, []).stderr) ?? [];
  return names.split(', ');
}

describe.each(SCRIPTS)('an archive that %s downloads', (script, library) => {
  it('is refused when it is another one, before anything of it is unpacked or kept', () => {
    const expected = expectedBy(script);
    expect(expected).toContain(library);
    const { status, stderr, kept, calls } = run(script, expected);
    expect(stderr).toMatch(/\.jar has the SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}\./);
    expect([status, kept]).toEqual([1, false]);
    expect(calls).not.toContain('unpack');
  });

  it('is refused when there is one more', () => {
    const { status, stderr, kept } = run(script, [...expectedBy(script), 'more.jar']);
    expect(stderr).toContain('none missing, more.jar unknown');
    expect([status, kept]).toEqual([1, false]);
  });
});
