import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../../..')
const WRANGLER = join(
  dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
  'bin/wrangler.js',
)

/** `npx wrangler d1 execute latchkey --local`, on a database that this folder keeps. */
export async function d1Execute(dir: string, ...what: string[]): Promise<string> {
  const env = { ...process.env, XDG_CONFIG_HOME: dir, WRANGLER_SEND_METRICS: 'false', CI: 'true' }
  const args = [WRANGLER, 'd1', 'execute', 'latchkey', '--local', '--persist-to', dir, ...what]
  return (await promisify(execFile)(process.execPath, args, { cwd: ROOT, env })).stdout
}
