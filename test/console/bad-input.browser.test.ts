import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import type { Role } from '../../src/domain/key.ts'
import { attentive } from '../../support/browser/attentive.ts'
import { nameOfFocused } from '../../support/browser/keyboard.ts'
import { createKey, keep, shown } from '../../support/console/key-pages.ts'
import { SIGNS_IN } from '../../support/console/people.ts'
import { signIn } from '../../support/console/sign-in.ts'
import { openWorld, type World } from '../../support/console/world.ts'
import { lookAt, signedInto } from '../support/looking.ts'
import { done } from '../support/server.ts'

/*
 * What others try with somebody's browser, and what goes wrong between two people.
 */

let browser: Browser
let world: World
lookAt(openWorld, (...opened) => {
  ;[browser, world] = opened
})

const OWNER = `${SIGNS_IN.engineer}@harbour-lane.example`
const keyPath = (name: string) => `/console/keys/${world.ids.ids[name]}`

const signedIn = (role: Role, options: BrowserContextOptions = {}) =>
  signedInto(browser, world.consoleUrl, role, options)

/** Another site, with a page that sends a form here as soon as it is opened. */
async function otherSite(action: string) {
  const page = `<form method="post" action="${action}"></form><script>document.forms[0].submit()</script>`
  const server = createServer((_, answer) =>
    answer.writeHead(200, { 'Content-Type': 'text/html' }).end(page),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, close: () => server.close() }
}

test.each([
  ['another site', 'localhost'],
  ['another origin of this site', '127.0.0.1'],
])('a form that %s sends in the name of who is signed in is refused', async (_, host) => {
  const { page, announce, close } = await signedIn('engineer')
  announce(/status of 40[34]|favicon/)
  const other = await otherSite(`${world.consoleUrl}${keyPath('Radiology desk')}/disable`)
  await page.goto(`http://${host}:${other.port}/`)
  await page.getByRole('heading', { name: 'This was not sent by a page of Latchkey' }).waitFor()
  const key = done(await world.keys.find(world.ids.ids['Radiology desk'] ?? ''))
  expect(key.status).toBe('enabled')
  other.close()
  await close()
})

test('a session whose cookie was copied is over for the thief too, when its owner signs out', async () => {
  const { page, close } = await signedIn('engineer')
  const thief = await attentive(browser)
  await thief.page.context().addCookies(await page.context().cookies())
  await thief.page.goto(`${world.consoleUrl}/console/keys`)
  await thief.page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await thief.page.reload()
  await thief.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await Promise.all([close(), thief.close()])
})

test('the second of two who edit one key is told, sees both, and loses nothing of his', async () => {
  const { page, announce, close } = await signedIn('engineer')
  announce(/status of 409/)
  await page.goto(`${world.consoleUrl}${keyPath('Imaging archive')}/edit`)
  const faster = await signedIn('administrator')
  await faster.page.goto(`${world.consoleUrl}${keyPath('Imaging archive')}/edit`)
  await faster.page.getByLabel('Reference').fill('Theirs 41')
  await faster.page.getByRole('button', { name: 'Save' }).click()
  await faster.page.getByText('The key was changed.').waitFor()

  await page.getByLabel('Reference').fill('Mine 42')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Somebody else changed this key while you did').waitFor()
  await page.getByRole('cell', { name: 'Theirs 41' }).waitFor()
  expect(await page.getByLabel('Reference').inputValue()).toBe('Mine 42')
  await Promise.all([close(), faster.close()])
})

test('what was typed when a session ended is there for who signs in beside it and goes back', async () => {
  const { page, announce, close } = await signedIn('engineer')
  announce(/status of 401/)
  await page.goto(`${world.consoleUrl}/console/sources/new`)
  await page.getByLabel('Name').fill('Ward round')
  await page.context().clearCookies()
  await page.getByRole('button', { name: 'Add the source' }).click()
  await page.getByRole('heading', { name: 'Your session has ended' }).waitFor()
  const beside = await page.context().newPage()
  await signIn(beside, world.consoleUrl, SIGNS_IN.engineer)
  await page.goBack()
  expect(await page.getByLabel('Name').inputValue()).toBe('Ward round')
  await page.getByRole('button', { name: 'Add the source' }).click()
  await page.getByText('The source is there.').waitFor()
  await close()
})

test('who sends a form in vain stands at the reason, and comes to the form from there', async () => {
  const { page, announce, close } = await signedIn('engineer')
  announce(/status of 422/)
  await page.goto(`${world.consoleUrl}/console/destinations/new`)
  await page.getByLabel('Name').fill('Plain desk')
  await page.getByLabel('URL').fill('http://desk.example/')
  await page.getByRole('button', { name: 'Add the destination' }).click()
  const reason = page.getByRole('alert').and(page.locator(':focus'))
  await reason.filter({ hasText: 'plain http only' }).waitFor()
  await page.keyboard.press('Tab')
  expect(await nameOfFocused(page)).toBe('Name')
  await close()
})

test('who goes through a filter by keys comes to its third choice, and stays in it', async () => {
  const { page, close } = await signedIn('engineer')
  await page.goto(`${world.consoleUrl}/console/keys`)
  const status = page.getByLabel('Status')
  await status.focus()
  for (const choice of ['enabled', 'disabled']) {
    await page.keyboard.press('ArrowDown')
    expect(await status.inputValue()).toBe(choice)
  }
  expect([await nameOfFocused(page), page.url()]).toEqual([
    'Status',
    `${world.consoleUrl}/console/keys`,
  ])
  await page.getByRole('button', { name: 'Search' }).press('Enter')
  await page.waitForURL(/status=disabled/)
  await close()
})

test('script in every name is read, and does nothing', async () => {
  const name = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`
  const { accountId, people } = world.ids
  const { places, routes, keys } = world
  const of = { accountId, name }
  const site = done(await places.addSite(of))
  const developer = done(await places.addDeveloper(of))
  const source = done(await routes.addSource(of))
  const destination = done(await routes.addDestination(of))
  const feed = done(await routes.subscribe({ sourceId: source.id, destinationId: destination.id }))
  const wish = { dialect: 'redox', ownerId: people.engineer, sourceId: source.id, name } as const
  const { key } = done(
    await keys.create({ ...wish, description: name, reference: name.slice(0, 100) }),
  )
  done(await places.addAddress({ accountId, network: '198.51.100.7', note: name }))

  const { page, faults, announce, close } = await signedIn('administrator')
  announce(/status of 404/)
  for (const path of [
    ...['', '/keys', `/keys/${key.id}`, `/keys/${key.id}/edit`, `/keys/${key.id}/rotate`],
    ...['/sites', `/sites/${site.id}`, '/developers', `/developers/${developer.id}`],
    ...['/sources', `/sources/${source.id}`, '/destinations', `/destinations/${destination.id}`],
    ...['/feeds', `/feeds/${feed.id}`, `/messages/test?source=${source.id}`, '/addresses'],
    ...['/audit', `/audit?subject=${key.id}`, `/keys?q=${encodeURIComponent(name)}`],
    ...[`/explain?request=${encodeURIComponent(name)}`],
  ]) {
    await page.goto(`${world.consoleUrl}/console${path}`)
    expect(await page.title()).not.toBe('taken')
    expect(await page.locator('img, script:not([src])').count()).toBe(0)
  }
  await page.goto(`${world.consoleUrl}/console/keys/${key.id}`)
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(name)
  expect(faults()).toEqual([])
  await close()
})

describe.each([
  ['with script', true],
  ['without script', false],
])('after a reveal, %s', (_, javaScriptEnabled) => {
  test('the back button brings no secret again, nor makes a second key', async () => {
    const { page, announce, close } = await signedIn('engineer', { javaScriptEnabled })
    announce(/ERR_CACHE_MISS/)
    const name = `Kiosk ${javaScriptEnabled}`
    const revealed = await createKey(page, world.consoleUrl, {
      dialect: 'xdent',
      name,
      owner: OWNER,
    })
    expect(revealed.get('secret')).toMatch(/^lk_/)
    await keep(page)
    // The browser has kept nothing: all that it can do is ask whether the form is to be sent again.
    await expect(page.goBack()).rejects.toThrow('ERR_CACHE_MISS')
    const { keys } = await world.keys.search({ text: name, order: 'newest', limit: 5 })
    expect(keys).toHaveLength(1)
    await close()
  })

  test('the form that is sent again tells that the key was made, and shows nothing', async () => {
    const { page, announce, close } = await signedIn('engineer', { javaScriptEnabled })
    announce(/status of 409/)
    const wish = { dialect: 'practice', name: `Kiosk again ${javaScriptEnabled}`, owner: OWNER }
    const revealed = await createKey(page, world.consoleUrl, { ...wish, dialect: 'practice' })
    await page.reload()
    await page.getByText('This key was made already').waitFor()
    expect(await page.content()).not.toContain(revealed.get('secret'))
    await close()
  })
})

test('a dialog that reveals does not close before somebody has said that the secret is kept', async () => {
  const { page, close } = await signedIn('engineer')
  await createKey(page, world.consoleUrl, {
    dialect: 'xdent',
    name: 'Corridor screen',
    owner: OWNER,
  })
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Close' }).click()
  expect((await shown(page)).size).toBeGreaterThan(0)
  await keep(page)
  await close()
})

test('a one-time link that has expired leads nowhere, and says who makes another', async () => {
  const { page, announce, close } = await attentive(browser)
  announce(/status of 410/)
  await page.goto(`${world.consoleUrl}/console/welcome/${world.ids.expiredLink}`)
  await page.getByRole('heading', { name: 'This link leads nowhere any more' }).waitFor()
  await page.getByText('Ask an administrator of your account').waitFor()
  await close()
})

test('who is wrong again and again is told how long to wait, and what he typed is kept', async () => {
  const { page, announce, close } = await attentive(browser)
  announce(/status of 4(01|29)/)
  await page.goto(`${world.consoleUrl}/console/sign-in`)
  await page.getByLabel('Username').fill('nobody.here')
  for (let n = 0; n < 6; n++) {
    await page.getByLabel('Password').fill(`wrong password ${n}`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
  }
  await page.getByText(/Too many tries were wrong: the next one is taken in/).waitFor()
  expect(await page.getByLabel('Username').inputValue()).toBe('nobody.here')
  await close()
})
