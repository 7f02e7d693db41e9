import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gallery } from '../../test/console/gallery.ts'
import { attentive } from './attentive.ts'
import { launch, SIZES, THEMES } from './launch.ts'
import { PAGES } from './pages.ts'

/*
 * npm run screenshots: each page, light and dark, on a phone and on a wide screen, and a sheet that
 * shows them beside each other.
 */
const FOLDER = join(import.meta.dirname, '../../screenshots')
mkdirSync(FOLDER, { recursive: true })

const [browser, served] = await Promise.all([launch(), gallery()])
const taken: { name: string; file: string }[] = []
for (const [size, options] of Object.entries(SIZES)) {
  for (const colorScheme of THEMES) {
    const { page, close } = await attentive(browser, { ...options, colorScheme })
    for (const { name, path, before } of PAGES) {
      const file = `${name}-${size}-${colorScheme}.png`
      await page.goto(served.url + path)
      await before?.(page)
      await page.screenshot({ path: join(FOLDER, file), fullPage: true })
      taken.push({ name, file })
      console.log(`screenshots/${file}`)
    }
    await close()
  }
}
await Promise.all([browser.close(), served.close()])
writeFileSync(join(FOLDER, 'index.html'), sheet())
console.log('screenshots/index.html')

function sheet(): string {
  const rows = PAGES.map(({ name }) => {
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
