import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { inflate } from '@sparticuz/chromium'

/*
 * Unpacks the browser that npm brought into the folder that TMPDIR names. A program of its own, for
 * the package knows no other way to be told where.
 */
const ARCHIVES_FOLDER = join(
  dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')),
  '../bin',
)
const ARCHIVES = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br']
await Promise.all(ARCHIVES.map((part) => inflate(join(ARCHIVES_FOLDER, part))))
