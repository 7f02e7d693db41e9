import { expect, test } from 'vitest'
import { columnChart } from '../../../src/http/console/components/chart.ts'
import { formatRelative } from '../../../src/http/console/components/html.ts'
import { seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer } from '../../support/server.ts'
import { HOUR_MS, MINUTE_MS } from '../../support/time.ts'

test.each([
  [0, 'just now'],
  [MINUTE_MS, '1 minute ago'],
  [HOUR_MS, '1 hour ago'],
  [90 * MINUTE_MS, '90 minutes ago'],
  [25 * HOUR_MS, '1 day ago'],
  [36 * HOUR_MS, '36 hours ago'],
  [48 * HOUR_MS, '2 days ago'],
  [-5 * 24 * HOUR_MS, 'in 5 days'],
])('%i ms before now is told as %s', (ms, text) => {
  expect(formatRelative(1e12 - ms, 1e12)).toBe(text)
})

test.each([
  [1, ['2', '1', '0']],
  [7, ['8', '4', '0']],
  [171, ['200', '100', '0']],
  [2250, ['2,400', '1,200', '0']],
  [1_000_000, ['1,000,000', '500,000', '0']],
])('a chart of up to %i stands on a scale of whole figures', async (most, scale) => {
  const drawn = await columnChart({
    label: 'Requests',
    goodName: 'Admitted',
    badName: 'Refused',
    unit: 'Hour',
    columns: [{ name: '12:00', good: most, bad: 0 }],
  })
  const list = /<ul class="scale"[^>]*>(.*?)<\/ul>/.exec(String(drawn))?.[1] ?? ''
  expect([...list.matchAll(/<li>(.*?)<\/li>/g)].map(([, figure]) => figure)).toEqual(scale)
})

test('colours are chosen by their name, and what is no name leaves them to the system', async () => {
  const server = await createTestServer()
  const { get, send } = await seedConsoleClient(server, 'member')
  const readColors = async (theme: string) => {
    expect((await send('/console/theme', { theme, next: '/console/keys' })).location).toBe(
      '/console/keys',
    )
    return /<html lang="en" data-theme="(\w+)"/.exec((await get('/console/keys')).html)?.[1]
  }
  expect(await readColors('dark')).toBe('dark')
  expect(await readColors('light')).toBe('light')
  expect(await readColors('system')).toBe('system')
  expect(await readColors('purple')).toBe('system')
  await server.close()
})
