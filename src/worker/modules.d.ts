/** Declares the modules that a Worker imports and no package declares. */

declare module 'cloudflare:workers' {
  /** Keeps the request's work alive until the promise settles, after its response was sent. */
  export function waitUntil(work: Promise<unknown>): void
}

declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}

/** Imported with `{ type: 'text' }`. */
declare module '*.css' {
  const text: string
  export default text
}

declare module '*/console.js' {
  const text: string
  export default text
}
