import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const packed = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..')
const { version } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as {
  version: string
}
const CACHE = join(import.meta.dirname, '../../node_modules/.cache')
const HOME = join(CACHE, `chromium-${version}`)

export interface Binaries {
  readonly chromium: string
  /** Where it finds the libraries and fonts that came with it. */
  readonly env: Readonly<Record<string, string>>
}

/** The browser, unpacked once a machine. Whoever is second to finish throws his own copy away. */
export function binaries(): Binaries {
  if (!existsSync(HOME)) unpack()
  return {
    chromium: join(HOME, 'chromium'),
    env: {
      LD_LIBRARY_PATH: join(HOME, 'al2023/lib'),
      FONTCONFIG_FILE: join(HOME, 'fonts.conf'),
    },
  }
}

function unpack(): void {
  mkdirSync(CACHE, { recursive: true })
  const own = mkdtempSync(join(CACHE, 'chromium-unpacking-'))
  const program = join(import.meta.dirname, 'unpack.ts')
  execFileSync(process.execPath, [program], { env: { ...process.env, TMPDIR: own } })
  writeFileSync(join(own, 'fonts.conf'), fonts(HOME))
  try {
    renameSync(own, HOME)
  } catch (error) {
    rmSync(own, { recursive: true })
    if (!existsSync(HOME)) throw error
  }
}

/** The package's own fonts first, so that a machine without any shows text too. They move with this file. */
const fonts = (home: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${dirname(home)}/fontconfig</cachedir>
</fontconfig>
`
