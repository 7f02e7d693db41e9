import { Hono } from 'hono'
import { CONSOLE_SCRIPT } from './script.ts'
import { CONSOLE_STYLESHEET } from './style.ts'

/** A key; it takes the colour of the text beside it. */
export const KEY_ICON_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="7.5" cy="12" r="4.5"/><path d="M12 12h9.5M18 12v4M21.5 12v2.5"/></svg>'

/** Their paths change with what they hold, so that a browser may keep them for ever. */
export const STYLESHEET_PATH = `/console/look-${computeFingerprint(CONSOLE_STYLESHEET)}.css`
export const SCRIPT_PATH = `/console/look-${computeFingerprint(CONSOLE_SCRIPT)}.js`
export const ICON_PATH = '/console/icon.svg'

export function createAssetRoutes(): Hono {
  const app = new Hono()
  app.get(STYLESHEET_PATH, () => immutableResponse(CONSOLE_STYLESHEET, 'text/css; charset=utf-8'))
  app.get(SCRIPT_PATH, () => immutableResponse(CONSOLE_SCRIPT, 'text/javascript; charset=utf-8'))
  app.get(ICON_PATH, () => immutableResponse(KEY_ICON_SVG, 'image/svg+xml'))
  return app
}

const immutableResponse = (body: string, type: string) =>
  new Response(body, {
    headers: {
      'Content-Type': type,
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
    },
  })

/** FNV-1a: tells one release's text from another's, and guards nothing. */
function computeFingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let n = 0; n < text.length; n++) {
    hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193) >>> 0
  }
  return hash.toString(36)
}
