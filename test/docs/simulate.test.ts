import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { bundleClient } from '../../build.ts'
import { FAULT_KINDS } from '../../src/simulator/fault.ts'
import { FINDING_KINDS } from '../../src/simulator/findings.ts'
import { scheduleSchema } from '../../src/simulator/schedule.ts'
import { PROGRAM } from '../runner/program.ts'
import { createEnvironment, findFreePort } from '../support/process.ts'
import { createTempFolder } from '../support/server.ts'
import { findDocument } from './documents.ts'

const run = promisify(execFile)

const { prose, samples } = findDocument('docs/simulate.md')
const findSample = (language: string) =>
  samples.find((sample) => sample.language === language)?.text ?? ''

/** A folder in which the package and the program of the page are installed. */
async function createProject(program: string): Promise<string> {
  const home = createTempFolder()
  const [bin, library] = ['.bin', 'latchkey'].map((name) => join(home, 'node_modules', name))
  for (const folder of [bin, library]) mkdirSync(folder ?? '', { recursive: true })
  const command = join(bin ?? '', 'latchkey')
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
  chmodSync(command, 0o755)
  writeFileSync(join(library ?? '', 'client.mjs'), await bundleClient())
  const description = { name: 'latchkey', exports: { './client': './client.mjs' } }
  writeFileSync(join(library ?? '', 'package.json'), JSON.stringify(description))
  writeFileSync(join(home, 'client.mjs'), program)
  return home
}

/** Runs the steps of the workflow as GitHub does, on a port that is free. */
async function runWorkflow(program: string) {
  const home = await createProject(program)
  const port = String(await findFreePort())
  const workflow = findSample('yaml').replaceAll('8080', port)
  const [, step = ''] = /- run: \|\n((?: {10}.*\n)+)/.exec(workflow) ?? []
  const variables = [...workflow.matchAll(/^ {2}([A-Z]+): (.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value],
  )
  expect(variables.map(([name]) => name)).toEqual(['URL', 'KEY', 'SECRET'])
  const script = step
    .replaceAll(/^ {10}/gm, '')
    .replace('latchkey simulate', `latchkey simulate --port ${port}`)
  const env = createEnvironment({
    ...Object.fromEntries(variables),
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  })
  const failed = (error: { code: number; stdout: string; stderr: string }) => error
  return run('bash', ['-eo', 'pipefail', '-c', script], { cwd: home, env }).then(
    (output) => ({ code: 0, ...output }),
    failed,
  )
}

describe('the workflow of docs/simulate.md', () => {
  test('succeeds with the program of the page, though answers are lost', async () => {
    const { code, stdout, stderr } = await runWorkflow(findSample('js'))
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringContaining('"now"'),
      stderr: '',
    })
  })

  test('fails with a program that authenticates for each message, and prints why', async () => {
    const { code, stdout } = await runWorkflow(`
      const { URL: url, KEY: apiKey, SECRET: secret } = process.env
      const post = (path, body, headers) =>
        fetch(url + path, { method: 'POST', body, headers }).catch(() => undefined)
      for (let n = 0; n < 20; n++) {
        const answer = await post('/auth/authenticate', JSON.stringify({ apiKey, secret }))
        const { accessToken } = await answer?.json() ?? {}
        await post('/endpoint', '{}', { Authorization: \`Bearer \${accessToken}\` })
      }`)
    expect(code).toBe(1)
    expect(stdout).toContain('authenticated for each request')
    expect(stdout).toContain('Keep the token')
  })
})

test('the rules of docs/simulate.md are valid', () => {
  const rules = scheduleSchema.parse(JSON.parse(findSample('json')))
  expect(rules.map(({ fault }) => fault.name)).toHaveLength(4)
})

test('docs/simulate.md names every fault and every finding', () => {
  const rows = [...prose.matchAll(/^\| `([a-z0-9_-]+)` \|/gm)].map(([, name]) => name)
  expect(rows).toEqual([...Object.keys(FAULT_KINDS), ...Object.keys(FINDING_KINDS)])
})
