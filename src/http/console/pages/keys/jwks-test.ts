import { html } from 'hono/html'
import type { KeySetReport } from '../../../../service/oauth/client-keys.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { buttonLink } from '../../components/form.ts'
import { definitionList, nothing, notice, toSentence } from '../../components/html.ts'
import { table } from '../../components/table.ts'
import type { PageContext } from '../../context.ts'
import { formatKeyPath, KEYS_PATH, toKeyCrumbs } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { renderKeyPage } from './key.ts'
import { type KeyPageDeps, withKey } from './key-components.ts'

/** Mounts the test of a client's JWK Set: a form and not a link, because it sends a request to the URL. */
export function mountJwksTest(router: ConsoleRouter, deps: KeyPageDeps): void {
  router.form(
    `${KEYS_PATH}/:id/test-jwks`,
    'keys.testJwks',
    withKey(async (context, key) => {
      const report = await context.services.keys.testJwks(key.id)
      return report.ok
        ? renderKeySetReport(context, key, report.value)
        : renderKeyPage(deps, context, key, report.failure)
    }),
  )
}

function renderKeySetReport(
  context: PageContext,
  key: KeySummary,
  { url, problem, cacheSeconds, keys }: KeySetReport,
): Response | Promise<Response> {
  const body = html`${
    problem === null
      ? notice('good', 'The JWK Set can be used', 'Its keys verify the assertions of this client.')
      : notice('bad', 'The JWK Set cannot be used', toSentence(problem))
  }
    <section class="card"><h2>Result</h2>${definitionList([
      ['JWK Set', url === null ? 'Pasted' : html`<code>${url}</code>`],
      ...(cacheSeconds === null ? [] : [['Kept for', `${cacheSeconds} seconds`] as const]),
    ])}</section>
    ${
      keys.length === 0
        ? nothing
        : html`<section class="card"><h2>Keys</h2>${table({
            caption: 'The keys of the set',
            columns: ['Key ID', 'Type', 'Algorithms', 'Problem'].map((name) => ({ name })),
            rows: keys.map(({ kid, type, algorithms, problem: why }) => [
              html`<code>${kid ?? '–'}</code>`,
              type,
              algorithms.join(', ') || '–',
              why === null ? '–' : toSentence(why),
            ]),
          })}</section>`
    }
    <p class="row">${buttonLink(formatKeyPath(key), 'Back to the key')}</p>`
  return renderPage(context, { heading: 'Test JWK Set', crumbs: toKeyCrumbs(key) }, body)
}
