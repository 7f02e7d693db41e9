export const SITES = '/console/sites'
export const ABOVE_SITES = [{ href: SITES, text: 'Sites' }]

export const DEVELOPERS = '/console/developers'
export const ABOVE_DEVELOPERS = [{ href: DEVELOPERS, text: 'Developers' }]

export const ADDRESSES = '/console/addresses'
export const ABOVE_ADDRESSES = [{ href: ADDRESSES, text: 'Addresses' }]
