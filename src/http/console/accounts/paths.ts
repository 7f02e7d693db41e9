export const ACCOUNTS = '/console/accounts'
export const ABOVE_ACCOUNTS = [{ href: ACCOUNTS, text: 'Accounts' }]

export const SETTINGS = '/console/settings'
