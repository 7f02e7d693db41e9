import type { Page } from 'playwright-core'
import { PASSWORD } from '../../test/support/people.ts'
import type { Looker } from '../browser/pages.ts'
import { SIGNS_IN } from './people.ts'

/** As a person does, by the page. */
export async function signIn(page: Page, url: string, username: string, password = PASSWORD) {
  await page.goto(`${url}/console/sign-in`)
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${url}/console`)
}

export const comeIn = (page: Page, url: string, as: Looker): Promise<void> =>
  as === 'nobody' ? Promise.resolve() : signIn(page, url, SIGNS_IN[as])
