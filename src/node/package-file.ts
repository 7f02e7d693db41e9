import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Reads a file at the top of this package, from the source, the build and a bundle alike. */
export function readPackageFile(name: string): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return readFileSync(join(folder, name), 'utf8')
}
