/*
 * Each digested text begins with its purpose, so that a secret of one use is never found as one of
 * another.
 */

export const toSessionDigestText = (secret: string) => `session\0${secret}`
export const toFormDigestText = (secret: string) => `form\0${secret}`
export const toInvitationDigestText = (secret: string) => `invitation\0${secret}`
export const toRecoveryDigestText = (userId: string, code: string) => `recovery\0${userId}\0${code}`
export const toTicketDigestText = (passwordHash: string) => `ticket\0${passwordHash}`
export const toDeviceDigestText = (userId: string, passwordHash: string, name: string) =>
  `device\0${userId}\0${passwordHash}\0${name}`
export const toDeviceAttemptsDigestText = (name: string) => `device tries\0${name}`
export const toUsernameAttemptsDigestText = (userId: string) => `username tries\0${userId}`
export const toSignInAttemptsDigestText = (username: string, block: string) =>
  `tries\0${block}\0${username}`
