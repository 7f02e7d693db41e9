import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { createLazyHandler } from '../../src/http/app.ts'

test('an app that failed to load is loaded at the next request, and only once', async () => {
  let loadCount = 0
  const loadApp = async () => {
    loadCount++
    if (loadCount === 1) throw new Error('EMFILE: too many open files')
    return new Hono().get('/console', (c) => c.text('here'))
  }
  const app = new Hono().all('/console/*', createLazyHandler(loadApp))
  app.onError((error, c) => c.text(error.message, 500))
  const answers: number[] = []
  for (let n = 0; n < 3; n++) answers.push((await app.request('/console')).status)
  expect([answers, loadCount]).toEqual([[500, 200, 200], 2])
})
