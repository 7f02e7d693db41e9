import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Reads a file by its path in this package, from the source, the build and a bundle alike. */
export function readPackageFile(name: string): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`there is no package.json above ${import.meta.dirname}`)
    folder = parent
  }
  return readFileSync(join(folder, name), 'utf8')
}

export const readConsoleAssets = () => ({
  stylesheet: readPackageFile('src/http/console/static/console.css'),
  script: readPackageFile('src/http/console/static/console.js'),
})
