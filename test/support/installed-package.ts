import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createEnvironment } from './process.ts'

const ROOT = join(import.meta.dirname, '../..')
export const NODE_MODULES = join(ROOT, 'node_modules')
/** The Node of the tests comes before any other of the machine. */
export const NODE_PATH = `${dirname(process.execPath)}:${process.env.PATH}`

const run = promisify(execFile)

/**
 * Packs this repository, installs the package into a folder as npm does, and returns the path of the
 * command. Links the dependencies, so that no registry is needed.
 */
export async function installPackage(folder: string): Promise<string> {
  const env = createEnvironment({ PATH: NODE_PATH })
  const installed = join(folder, 'node_modules', 'latchkey')
  mkdirSync(installed, { recursive: true })
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    env,
  })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  for (const name of readdirSync(NODE_MODULES).filter((entry) => !entry.startsWith('.'))) {
    symlinkSync(join(NODE_MODULES, name), join(folder, 'node_modules', name))
  }
  await run('tar', ['xzf', join(folder, filename), '--strip-components=1', '-C', installed])
  writeFileSync(join(folder, 'package.json'), '{"type":"module","private":true}')
  await run('npm', ['rebuild', '--offline', '--ignore-scripts', 'latchkey'], { cwd: folder, env })
  return join(folder, 'node_modules', '.bin', 'latchkey')
}
