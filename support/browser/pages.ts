import type { Page } from 'playwright-core'

export interface Shown {
  /** Of the file, and of its place in the contact sheet. */
  readonly name: string
  readonly path: string
  /** What somebody does there before the picture is taken. */
  readonly before?: (page: Page) => Promise<void>
}

/** What `npm run screenshots` takes pictures of. */
export const PAGES: readonly Shown[] = [
  { name: 'parts', path: '/' },
  { name: 'dialog', path: '/dialog' },
]
