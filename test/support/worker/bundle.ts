import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const PROJECT_ROOT = join(import.meta.dirname, '../../..')

/** As wrangler.toml has it. */
export const COMPATIBILITY_DATE =
  /^compatibility_date = "(.+)"$/m.exec(
    readFileSync(join(PROJECT_ROOT, 'wrangler.toml'), 'utf8'),
  )?.[1] ?? ''

/** The bundle that is deployed, by the command that makes it. */
export async function buildWorker(outdir: string): Promise<void> {
  await promisify(execFile)('npm', ['run', '-s', 'build:worker', '--', `--outdir=${outdir}`], {
    cwd: PROJECT_ROOT,
  })
}

/** A folder of a bundle, as workerd takes it. */
export function listWorkerModules(folder: string, main: string) {
  const wasm = readdirSync(folder).filter((name) => name.endsWith('.wasm'))
  return {
    modulesRoot: folder,
    modules: [
      { type: 'ESModule' as const, path: join(folder, main) },
      ...wasm.map((name) => ({
        type: 'CompiledWasm' as const,
        path: join(folder, basename(name)),
      })),
    ],
  }
}

/** schema.sql as it is: D1 takes one statement at a time. No text in it holds a semicolon. */
export const readSchemaStatements = (): string[] =>
  readFileSync(join(PROJECT_ROOT, 'schema.sql'), 'utf8')
    .replace(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
