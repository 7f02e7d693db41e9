import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from './compare.ts'
import { writeMarkdown } from './delivery/markdown.ts'
import { measureDelivery } from './delivery/measure.ts'
import { writeDelivery } from './delivery/report.ts'
import { writeEngines } from './engine-report.ts'
import { grow } from './growth.ts'
import { measureLists } from './lists/measure.ts'
import { writeLists } from './lists/report.ts'
import { describeMachine } from './machine.ts'
import { HELP, readOptions } from './options.ts'
import { report } from './progress.ts'
import { writeComparisons, writeGrowths, writeMachine } from './report.ts'
import { pinLoad } from './served.ts'

const settings = readOptions(process.argv.slice(2))
if (settings === null) {
  console.log(HELP)
  process.exit()
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const machine = describeMachine(folder)
report(writeMachine(machine))
pinLoad()
// The URL may hold a password, which has no place in a report.
const { cases, json, postgresUrl, ...measuredWith } = settings
const about = { at: new Date().toISOString(), machine, settings: measuredWith }

let result: object
if (settings.growth) {
  const growth = await grow(folder, settings)
  console.log(`\n${writeGrowths(growth)}`)
  result = { ...about, growth }
} else if (settings.lists) {
  const lists = await measureLists(folder, settings)
  console.log(`\n${writeLists(lists)}`)
  if (settings.markdown) console.log(`\n${writeLists(lists, true)}`)
  result = { ...about, lists }
} else if (settings.delivery) {
  const delivery = await measureDelivery(folder, settings)
  console.log(`\n${writeDelivery(delivery)}`)
  if (settings.markdown) console.log(`\n${writeMarkdown(delivery)}`)
  result = { ...about, delivery }
} else {
  const comparisons = await compare(folder, settings)
  const write = settings.engines.join() === 'sqlite' ? writeComparisons : writeEngines
  console.log(`\n${write(comparisons)}`)
  result = { ...about, comparisons }
}
if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`)
