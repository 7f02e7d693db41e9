import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '../../src/settings.ts'
import { ROOT, readPage } from '../support/doc-samples.ts'
import { readHelp } from '../support/published/help.ts'

/** Pages made from the program. `npm run update:published` writes them anew. */
function expectPage(page: string, text: string): void {
  if (process.env.UPDATE_PUBLISHED === '1') writeFileSync(join(ROOT, page), text)
  expect(readPage(page)).toBe(text)
}

test('docs/configuration.md has every setting, its default and its meaning', () => {
  const rows = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${help} |`,
  )
  const intro = `# Configuration

Settings are environment variables. \`latchkey doctor\` checks them. All problems are named in one message, and an unknown \`LATCHKEY_…\` name is refused.
Variables that Kubernetes sets for a Service named \`latchkey\` are ignored. In Kubernetes, set \`LATCHKEY_HOST=0.0.0.0\`.

| setting | default | meaning |
|---|---|---|
`
  expectPage('docs/configuration.md', `${intro}${rows.join('\n')}\n`)
})

test('docs/cli.md has the help of each command', async () => {
  const intro =
    '# The command line\n\nThis page is the help of each command, as the command prints it.\n\n'
  expectPage('docs/cli.md', `${intro}\`\`\`text\n${await readHelp()}\`\`\`\n`)
})
