import type { Page } from 'playwright-core'
import { type ConsoleClient, readFormFields } from '../console-client.ts'

/**
 * As much of a browser's page as the steps before a picture use, without a browser: fields are typed by
 * their label, and a button sends its form.
 */
export function createTextPage({ get, send }: Pick<ConsoleClient, 'get' | 'send'>, path: string) {
  const typed: Record<string, string> = {}
  let html = ''

  async function submit(name: string | RegExp | null): Promise<void> {
    const main = html.slice(html.indexOf('<main'))
    const forms = [...main.matchAll(/<form method="post" action="([^"]+)".*?<\/form>/gs)]
    const form = forms.find(([inside]) =>
      listButtonTexts(inside).some((text) => matches(text, name)),
    )
    if (form === undefined) throw new Error(`${path} has no button ${name}`)
    const [whole, to = ''] = form
    const answer = await send(to, { ...readFormFields(whole, to), ...typed })
    html = answer.location === null ? answer.html : (await get(answer.location)).html
  }

  const idle = async () => undefined
  const button = (name: string | RegExp | null) => ({
    click: () => submit(name),
    waitFor: idle,
    first: () => ({ click: () => submit(name) }),
  })
  const page = {
    getByLabel: (label: string) => ({
      async fill(value: string) {
        const [, id] =
          new RegExp(`<label for="([^"]+)">${label.replace('?', '\\?')}<`).exec(html) ?? []
        const [, name] = new RegExp(`<[^>]*id="${id}" name="([^"]+)"`).exec(html) ?? []
        if (name === undefined) throw new Error(`${path} has no field ${label}`)
        typed[name] = value
      },
    }),
    getByRole: (_: string, { name = null }: { name?: string | RegExp | null } = {}) => button(name),
    getByText: () => ({ waitFor: idle }),
    locator: () => page,
    waitForLoadState: idle,
  }

  return {
    /** Opens the page, takes the steps, and answers the HTML that they lead to. */
    async read(steps: (page: Page) => Promise<void> = idle): Promise<string> {
      html = (await get(path)).html
      await steps(page as unknown as Page)
      return html
    },
  }
}

const listButtonTexts = (form: string): string[] =>
  [...form.matchAll(/<button[^>]*>(.*?)<\/button>/gs)].map(([, text = '']) =>
    text.replace(/<[^>]*>/g, '').trim(),
  )

const matches = (text: string, name: string | RegExp | null): boolean =>
  name === null || (typeof name === 'string' ? text === name : name.test(text))
