import { Hono } from 'hono'

/** A key icon in the colour of the text beside it. */
export const KEY_ICON_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="7.5" cy="12" r="4.5"/><path d="M12 12h9.5M18 12v4M21.5 12v2.5"/></svg>'

export const ICON_PATH = '/console/icon.svg'

/** The text of console.css and of console.js, which each runtime reads in its own way. */
export interface ConsoleAssets {
  readonly stylesheet: string
  readonly script: string
}

/** The paths of the assets. Each path changes with the text, so that browsers may cache it without expiry. */
export const createAssetPaths = ({ stylesheet, script }: ConsoleAssets) => ({
  stylesheetPath: `/console/look-${computeFingerprint(stylesheet)}.css`,
  scriptPath: `/console/look-${computeFingerprint(script)}.js`,
})

export function createAssetRoutes(assets: ConsoleAssets): Hono {
  const app = new Hono()
  const { stylesheetPath, scriptPath } = createAssetPaths(assets)
  app.get(stylesheetPath, () => immutableResponse(assets.stylesheet, 'text/css; charset=utf-8'))
  app.get(scriptPath, () => immutableResponse(assets.script, 'text/javascript; charset=utf-8'))
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

/** FNV-1a. It tells the texts of two releases apart, and is no protection. */
function computeFingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let n = 0; n < text.length; n++) {
    hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193) >>> 0
  }
  return hash.toString(36)
}
