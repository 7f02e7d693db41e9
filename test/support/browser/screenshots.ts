import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { COLOR_SCHEMES, launchChromium, openMonitoredPage, VIEWPORTS } from './chromium.ts'
import { openConsoleFixture } from './console-fixture.ts'
import {
  CONSOLE_PAGES,
  type ConsolePage,
  type PageViewer,
  resolvePagePath,
} from './console-pages.ts'
import { signInAs } from './user-actions.ts'

const HELP = `npm run screenshots [-- NAME...]

Writes each page of the console to screenshots/, light and dark, on a phone and on a wide screen, and
index.html, which shows them beside each other. With names, only these pages:

${CONSOLE_PAGES.map(({ name }) => `  ${name}`).join('\n')}
`
const { values, positionals: selectedNames } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h' } },
})
if (values.help === true) {
  process.stdout.write(HELP)
  process.exit()
}

const SCREENSHOTS_FOLDER = join(import.meta.dirname, '../../../screenshots')
mkdirSync(SCREENSHOTS_FOLDER, { recursive: true })

const selectedPages = CONSOLE_PAGES.filter(
  ({ name }) => selectedNames.length === 0 || selectedNames.includes(name),
)
const [browser, fixture] = await Promise.all([launchChromium(), openConsoleFixture()])
const takenScreenshots: { name: string; file: string }[] = []
for (const as of new Set(selectedPages.map((shown) => shown.viewer))) {
  for (const [size, options] of Object.entries(VIEWPORTS)) {
    for (const colorScheme of COLOR_SCHEMES) {
      await takeScreenshots(as, `${size}-${colorScheme}`, { ...options, colorScheme })
    }
  }
}
await Promise.all([browser.close(), fixture.close()])
writeFileSync(join(SCREENSHOTS_FOLDER, 'index.html'), renderContactSheet())
console.log('screenshots/index.html')

async function takeScreenshots(
  viewer: PageViewer,
  suffix: string,
  options: BrowserContextOptions,
): Promise<void> {
  const { page, expectError, close } = await openMonitoredPage(browser, options)
  expectError(/status of 4\d\d/)
  await signInAs(page, fixture.consoleUrl, viewer)
  for (const consolePage of selectedPages.filter((one) => one.viewer === viewer))
    await takeScreenshot(page, consolePage, suffix)
  await close().catch((error: Error) => console.error(error.message))
}

async function takeScreenshot(page: Page, consolePage: ConsolePage, suffix: string): Promise<void> {
  const file = `${consolePage.name}-${suffix}.png`
  await page.goto(fixture.consoleUrl + resolvePagePath(consolePage, fixture.ids))
  await consolePage.prepare?.(page)
  await page.screenshot({ path: join(SCREENSHOTS_FOLDER, file), fullPage: true })
  takenScreenshots.push({ name: consolePage.name, file })
  console.log(`screenshots/${file}`)
}

function renderContactSheet(): string {
  const rows = selectedPages.map(({ name }) => {
    const pageScreenshots = takenScreenshots.filter((one) => one.name === name)
    const images = pageScreenshots.map(
      ({ file }) => `<a href="${file}"><img src="${file}" alt="${file}"></a>`,
    )
    return `<h2>${name}</h2><div>${images.join('')}</div>`
  })
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Screenshots</title>
<style>body{font:1rem system-ui;margin:2rem}div{display:flex;gap:1rem;align-items:start}img{max-height:40rem;max-width:100%;border:1px solid #ccc}</style>
${rows.join('\n')}</html>
`
}
