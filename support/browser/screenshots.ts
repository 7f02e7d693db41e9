import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { comeIn } from '../console/sign-in.ts'
import { openWorld } from '../console/world.ts'
import { attentive } from './attentive.ts'
import { launch, SIZES, THEMES } from './launch.ts'
import { type Looker, PAGES, pathOf, type Shown } from './pages.ts'

/*
 * npm run screenshots [-- NAME...]: each page, light and dark, on a phone and on a wide screen, and a sheet that
 * shows them beside each other.
 */
const FOLDER = join(import.meta.dirname, '../../screenshots')
mkdirSync(FOLDER, { recursive: true })

const wanted = process.argv.slice(2)
const pages = PAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const [browser, world] = await Promise.all([launch(), openWorld()])
const taken: { name: string; file: string }[] = []
for (const as of new Set(pages.map((shown) => shown.as))) {
  for (const [size, options] of Object.entries(SIZES)) {
    for (const colorScheme of THEMES) {
      await photograph(as, `${size}-${colorScheme}`, { ...options, colorScheme })
    }
  }
}
await Promise.all([browser.close(), world.close()])
writeFileSync(join(FOLDER, 'index.html'), sheet())
console.log('screenshots/index.html')

async function photograph(as: Looker, how: string, options: BrowserContextOptions): Promise<void> {
  const { page, announce, close } = await attentive(browser, options)
  announce(/status of 4\d\d/)
  await comeIn(page, world.consoleUrl, as)
  for (const shown of pages.filter((one) => one.as === as)) await take(page, shown, how)
  await close().catch((error: Error) => console.error(error.message))
}

async function take(page: Page, shown: Shown, how: string): Promise<void> {
  const file = `${shown.name}-${how}.png`
  await page.goto(world.consoleUrl + pathOf(shown, world.ids))
  await shown.before?.(page)
  await page.screenshot({ path: join(FOLDER, file), fullPage: true })
  taken.push({ name: shown.name, file })
  console.log(`screenshots/${file}`)
}

function sheet(): string {
  const rows = pages.map(({ name }) => {
    const pictures = taken.filter((one) => one.name === name)
    const images = pictures.map(
      ({ file }) => `<a href="${file}"><img src="${file}" alt="${file}"></a>`,
    )
    return `<h2>${name}</h2><div>${images.join('')}</div>`
  })
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Screenshots</title>
<style>body{font:1rem system-ui;margin:2rem}div{display:flex;gap:1rem;align-items:start}img{max-height:40rem;max-width:100%;border:1px solid #ccc}</style>
${rows.join('\n')}</html>
`
}
