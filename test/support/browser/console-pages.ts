import type { Page } from 'playwright-core'
import type { Role } from '../../../src/domain/role.ts'
import { PASSWORD } from '../users.ts'
import type { ConsoleFixtureIds } from './console-fixture.ts'

/** The role of the user; null before sign-in. */
export type PageViewer = Role | 'nobody'

export interface ConsolePage {
  /** Names the file, and its place in the contact sheet. */
  readonly name: string
  readonly viewer: PageViewer
  readonly path: string | ((ids: ConsoleFixtureIds) => string)
  /** The status where it is not 200; the browser's console reports it, too. */
  readonly status?: number
  /** The steps of the user before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>
}

export const resolvePagePath = ({ path }: ConsolePage, ids: ConsoleFixtureIds): string =>
  typeof path === 'string' ? path : path(ids)

const definePages = (
  role: PageViewer,
  pages: Readonly<Record<string, ConsolePage['path'] | Omit<ConsolePage, 'name' | 'viewer'>>>,
) =>
  Object.entries(pages).map(
    ([name, page]): ConsolePage =>
      typeof page === 'object'
        ? { name, viewer: role, ...page }
        : { name, viewer: role, path: page },
  )

const pressButton = (name: string) => (page: Page) => page.getByRole('button', { name }).click()

/** Every page of the console, and what some of them answer. */
export const CONSOLE_PAGES: readonly ConsolePage[] = [
  ...definePages('nobody', {
    'sign-in': '/console/sign-in',
    'sign-in-wrong': {
      path: '/console/sign-in',
      status: 401,
      prepare: async (page) => {
        await page.getByLabel('Username').fill('nobody.at.all')
        await page.getByLabel('Password').fill('not the password')
        await pressButton('Sign in')(page)
        await page.getByRole('alert').waitFor()
      },
    },
    welcome: ({ freshLink }) => `/console/welcome/${freshLink}`,
    'link-gone': { path: '/console/welcome/lk_used', status: 410 },
  }),
  ...definePages('operator', {
    'nothing-here': { path: '/console/nothing-here', status: 404 },
    'dashboard-of-all': '/console',
    'audit-verify': '/console/audit/verify',
    'audit-verified': {
      path: '/console/audit/verify',
      prepare: async (page) => {
        await page.locator('main').getByRole('button').first().click()
        await page.waitForLoadState()
      },
    },
    'audit-accept-restore': '/console/audit/accept-restore',
    accounts: '/console/accounts',
    'account-new': '/console/accounts/new',
    account: ({ accountId }) => `/console/accounts/${accountId}`,
    'account-reopen': ({ accountId }) => `/console/accounts/${accountId}/reopen`,
    'account-close': ({ accountId }) => `/console/accounts/${accountId}/close`,
    'account-delete': ({ accountId }) => `/console/accounts/${accountId}/delete`,
    'account-switcher': '/console/ip-allowlist',
  }),
  ...definePages('engineer', {
    sources: '/console/sources',
    'source-new': '/console/sources/new',
    source: ({ addSource }) => `/console/sources/${addSource}`,
    destinations: '/console/destinations',
    'destination-new': '/console/destinations/new',
    'source-delete': ({ addSource }) => `/console/sources/${addSource}/delete`,
    'destination-delete': ({ destinations }) =>
      `/console/destinations/${destinations.unverified}/delete`,
    destination: ({ destinations }) => `/console/destinations/${destinations.registry}`,
    'destination-verify': {
      path: ({ destinations }) => `/console/destinations/${destinations.unverified}`,
      prepare: async (page) => {
        await page.getByRole('button', { name: /^Verify/ }).click()
        await page.waitForLoadState()
      },
    },
    subscriptions: '/console/subscriptions',
    'subscription-new': '/console/subscriptions/new',
    subscription: ({ subscriptions }) => `/console/subscriptions/${subscriptions[0]}`,
    'subscription-stuck': ({ subscriptions }) => `/console/subscriptions/${subscriptions[1]}`,
    'subscription-pause': ({ subscriptions }) => `/console/subscriptions/${subscriptions[1]}/pause`,
    'subscription-purge': ({ subscriptions }) => `/console/subscriptions/${subscriptions[1]}/purge`,
    'subscription-delete': ({ subscriptions }) =>
      `/console/subscriptions/${subscriptions[1]}/delete`,
    messages: '/console/messages',
    message: ({ message }) => `/console/messages/${message}`,
    'message-opened': {
      path: ({ message }) => `/console/messages/${message}`,
      prepare: async (page) => {
        await pressButton('Open payload')(page)
        await page.waitForLoadState()
      },
    },
    'message-skip': ({ message, destinations }) =>
      `/console/messages/${message}/skip?destination=${destinations.closed}`,
    'message-replay': ({ message, destinations }) =>
      `/console/messages/${message}/replay?destination=${destinations.closed}`,
    'message-test': '/console/messages/test',
    'message-test-sent': {
      path: '/console/messages/test',
      prepare: async (page) => {
        await pressButton('Send message')(page)
        await page.waitForLoadState()
      },
    },
    audit: '/console/audit',
    'audit-of-a-key': ({ ids }) => `/console/audit?subject=${ids['Nightly results']}`,
    'request-lookup': '/console/request-lookup',
    'request-lookup-found': ({ request }) => `/console/request-lookup?request=${request}`,
    keys: '/console/keys',
    'keys-none-found': '/console/keys?q=nothing+is+called+so',
    'key-new': '/console/keys/new',
    'key-new-redox': '/console/keys/new?key-type=redox',
    'key-new-oauth': '/console/keys/new?key-type=oauth',
    'key-new-refused': {
      path: '/console/keys/new?key-type=xdent',
      status: 422,
      prepare: async (page) => {
        await page.getByLabel('Name').fill('Waiting room screen')
        await page.getByLabel('Owner').fill('nobody@harbour-lane.example')
        await pressButton('Create key')(page)
        await page.getByRole('alert').waitFor()
      },
    },
    'key-viewed': {
      path: ({ ids }) => `/console/keys/${ids['Maple Street Dental']}`,
      prepare: async (page) => {
        await pressButton('View secret')(page)
        await page.getByRole('dialog').waitFor()
      },
    },
    'key-redox': ({ ids }) => `/console/keys/${ids['Nightly results']}`,
    'key-practice': ({ ids }) => `/console/keys/${ids['Claims exporter']}`,
    'key-oauth': ({ ids }) => `/console/keys/${ids['Results feed']}`,
    'key-oauth-edit': ({ ids }) => `/console/keys/${ids['Results feed']}/edit`,
    'key-revoked': ({ ids }) => `/console/keys/${ids['Vendor trial']}`,
    'key-edit': ({ ids }) => `/console/keys/${ids['Imaging archive']}/edit`,
    'key-rotate': ({ ids }) => `/console/keys/${ids['Nightly results']}/rotate-secret`,
    'key-revoke': ({ ids }) => `/console/keys/${ids['Old lab interface']}/revoke`,
    'key-delete': ({ ids }) => `/console/keys/${ids['Online booking']}/delete`,
    'key-assign': ({ ids }) => `/console/keys/${ids['Next dental office']}/assign`,
  }),
  ...definePages('member', {
    'dashboard-as-member': '/console',
    'keys-as-member': '/console/keys',
    'key-as-member': ({ ids }) => `/console/keys/${ids['Nightly results']}`,
  }),
  ...definePages('administrator', {
    dashboard: '/console',
    'dashboard-month': '/console?range=month',
    'destination-mark-verified': ({ destinations }) =>
      `/console/destinations/${destinations.unverified}/mark-verified`,
    'destination-mark-unverified': ({ destinations }) =>
      `/console/destinations/${destinations.registry}/mark-unverified`,
    me: '/console/me',
    'token-new': '/console/me/tokens/new',
    'token-revealed': {
      path: '/console/me/tokens/new',
      prepare: async (page) => {
        await page.getByLabel('Name').fill('Nightly report')
        await page.getByLabel('Your password').fill(PASSWORD)
        await pressButton('Create API token')(page)
        await page.getByRole('dialog').waitFor()
      },
    },
    'token-not-yours': {
      path: '/console/me/tokens/new',
      status: 422,
      prepare: async (page) => {
        await page.getByLabel('Name').fill('Nightly report')
        await page.getByLabel('Your password').fill('a guess')
        await pressButton('Create API token')(page)
        await page.getByText('The password is wrong.').waitFor()
      },
    },
    'second-factor': '/console/me/second-factor/new',
    'second-factor-remove': '/console/me/second-factor/remove',
    settings: '/console/settings',
    sites: '/console/sites',
    'site-new': '/console/sites/new',
    site: ({ addSite }) => `/console/sites/${addSite}`,
    'site-delete': ({ addSite }) => `/console/sites/${addSite}/delete`,
    developers: '/console/developers',
    'developer-new': '/console/developers/new',
    developer: ({ developer }) => `/console/developers/${developer}`,
    'developer-delete': ({ developer }) => `/console/developers/${developer}/delete`,
    'key-assigned': ({ ids }) => `/console/keys/${ids['Maple Street Dental']}/assign`,
    'ip-allowlist': '/console/ip-allowlist',
    'ip-allowlist-stop-enforcing': '/console/ip-allowlist/stop-enforcing',
    'ip-allowlist-delete': ({ allowlistIds: addresses }) =>
      `/console/ip-allowlist/${addresses[0]}/delete`,
    'ip-allowlist-enforce': '/console/ip-allowlist/enforce',
    sunsets: '/console/sunsets',
    'sunset-keys': '/console/sunsets/keys',
    'sunset-plan': '/console/sunsets/plan?key-type=redox&sunset=2027-06-30',
    'sunset-cancel': ({ sunset }) => `/console/sunsets/${sunset}/cancel`,
    users: '/console/users',
    'user-new': '/console/users/new',
    user: ({ users }) => `/console/users/${users.engineer}`,
    'user-deactivated': ({ users }) => `/console/users/${users.departedUser}`,
    'user-delete': ({ users }) => `/console/users/${users.departedUser}/delete`,
    'user-sign-out': ({ users }) => `/console/users/${users.engineer}/sign-out`,
    'user-invite': ({ users }) => `/console/users/${users.engineer}/invite`,
    'user-reset-second-factor': ({ users }) =>
      `/console/users/${users.engineer}/reset-second-factor`,
    'user-deactivate': ({ users }) => `/console/users/${users.engineer}/deactivate`,
    roles: '/console/users/roles',
  }),
]
