/** A developer's keys, with and without what stands before all resources. In lower case, as all of the vendor's. */
const API_KEYS = /^(?:\/api\/v1)?\/apikeys(?:\/(.*))?$/

/** Whether it is the list of keys, or below it. */
export const isApiKeys = (path: string): boolean => API_KEYS.test(path)

/** Whether it is below the list: there is nothing, as no key is asked for by itself. */
export const isBelowApiKeys = (path: string): boolean => (API_KEYS.exec(path)?.[1] ?? '') !== ''
