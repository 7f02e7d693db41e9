import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { PROGRAM } from '../runner/program.ts'
import { isProgramInstalled } from '../support/installed-proxies.ts'
import { createEnvironment, findFreePort } from '../support/process.ts'
import { createTempFolder } from '../support/server.ts'
import { findDocument, SCRIPT_PAGE } from './documents.ts'
import { SAMPLES_NOT_RUN } from './samples-not-run.ts'

const isTried = ['curl', 'jq'].every((program) => isProgramInstalled(program, '--version'))

test.skipIf(!isTried)('docs/getting-started.md, as one script, delivers a message', async () => {
  const home = createTempFolder()
  mkdirSync(join(home, 'bin'))
  mkdirSync(join(home, 'tmp'))
  const program = join(home, 'bin', 'latchkey')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
  chmodSync(program, 0o755)
  const { samples } = findDocument(SCRIPT_PAGE)
  const [port, receiverPort] = [await findFreePort(), await findFreePort()]
  const substitute = (sample: string) =>
    sample
      .replaceAll('/var/lib/latchkey', join(home, 'data'))
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replaceAll('9100', String(receiverPort))
  const [receiver] = samples.filter(({ language }) => language === 'js')
  writeFileSync(join(home, 'receiver.mjs'), substitute(receiver?.text ?? ''))
  const lines = samples
    .filter(({ language }) => language === 'sh')
    .flatMap((sample) => sample.text.split('\n'))
    .filter((line) => !(line in SAMPLES_NOT_RUN))
  const script = ['set -eu', 'trap "kill 0" EXIT', ...lines].join('\n')
  const child = spawn('sh', ['-c', substitute(script)], {
    cwd: home,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: createEnvironment({
      PATH: `${home}/bin:${dirname(process.execPath)}:${process.env.PATH}`,
      LATCHKEY_PORT: String(port),
      // The port beside a free one may be taken.
      LATCHKEY_CONSOLE_PORT: '0',
      TMPDIR: join(home, 'tmp'),
    }),
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  expect(stdout, stderr).toContain('"EventType":"New"')
  expect(stdout, stderr).toContain('delivered')
  expect(readdirSync(join(home, 'tmp')), 'what the script left').toEqual([])
})
