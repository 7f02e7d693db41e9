import type { ImportedSecret, SecretForm } from '../../src/domain/imported-secret.ts'

/** A secret, and its hash as another system stores it: made by one tool and verified by another. */
export interface ImportedSecretVector {
  readonly name: string
  readonly form: SecretForm
  readonly secret: string
  readonly hash: string
  readonly salt?: string
  readonly pepper?: string
}

const VECTORS: readonly ImportedSecretVector[] = [
  {
    name: 'sha256 hex (Sanctum after the |, Doorkeeper, Discourse, Sentry)',
    form: 'sha256',
    secret: 'correct horse battery staple 42',
    hash: '4da30c37ee0ecc0369ee62679f2f78cd3187cacb8d790e899371257c964a90bd',
  },
  {
    name: 'sha256 base64 (Unkey sha256; Duende Sha256; GitLab without salt)',
    form: 'sha256',
    secret: 'correct horse battery staple 42',
    hash: 'TaMMN+4OzANp7mJnny94zTGHysuNeQ6Jk3ElfJZKkL0=',
  },
  {
    name: 'sha256 base64url without padding (better-auth apiKey)',
    form: 'sha256',
    secret: 'correct horse battery staple 42',
    hash: 'TaMMN-4OzANp7mJnny94zTGHysuNeQ6Jk3ElfJZKkL0',
  },
  {
    name: 'djangorestframework-api-key 3',
    form: 'sha512',
    secret: 'correct horse battery staple 42',
    hash: 'sha512$$4f4eee0dc5b970caf7092414ca1ac07bb688617c9e75c8641d22216868aecbb8505b97153d45d2106b0e7066d40314a174d0c04e21ace3f9cc516b5033e13047',
  },
  {
    name: 'hmac-sha256 hex',
    form: 'hmac-sha256',
    secret: 'correct horse battery staple 42',
    hash: '3f3ae2951b24b229013512b555a9c8dc2179999c076cd5cde03a441d63816451',
    pepper: 'pepper-0123',
  },
  {
    name: 'sha256(secret+salt) hex',
    form: 'sha256-salt-last',
    secret: 'correct horse battery staple 42',
    hash: 'b88536b8689cb36583ca0a5a1cafe899f7c584dab7bfac7cf244e205ac3093d6',
    salt: '0123456789abcdef',
  },
  {
    name: 'prefixed-api-key (Seam), Unkey migration',
    form: 'sha256-after-underscore',
    secret: 'mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG',
    hash: 'd70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37',
  },
  {
    name: 'argon2id',
    form: 'argon2',
    secret: 'correct horse battery staple 42',
    hash: '$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$2ZANHJqWIOWj6zHwEj8VZyAKfJLfbef7qjIYn+WgoGU',
  },
  {
    name: 'argon2i',
    form: 'argon2',
    secret: 'correct horse battery staple 42',
    hash: '$argon2i$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$tOZvF3uQQswhhnokceFzwy4k4AmBGxKsI811ockVghY',
  },
  {
    name: 'argon2d',
    form: 'argon2',
    secret: 'correct horse battery staple 42',
    hash: '$argon2d$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$DjjatNd76wXXkfCH4GZwQoxCLszJ1R4UGpO9DASXZBM',
  },
  {
    name: 'bcrypt 2b',
    form: 'bcrypt',
    secret: 'correct horse battery staple 42',
    hash: '$2b$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2',
  },
  {
    name: 'bcrypt 2a',
    form: 'bcrypt',
    secret: 'correct horse battery staple 42',
    hash: '$2a$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2',
  },
  {
    name: 'bcrypt 2y',
    form: 'bcrypt',
    secret: 'correct horse battery staple 42',
    hash: '$2y$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2',
  },
  {
    name: 'Spring {bcrypt}',
    form: 'bcrypt',
    secret: 'correct horse battery staple 42',
    hash: '{bcrypt}$2a$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2',
  },
  {
    name: 'Devise with pepper',
    form: 'bcrypt',
    secret: 'correct horse battery staple 42',
    hash: '$2a$10$abcdefghijklmnopqrstuuMepG./0L46kWHbeqf3LYMeu.7uHZ3cG',
    pepper: 'pepper-0123',
  },
  {
    name: 'Django bcrypt',
    form: 'bcrypt',
    secret: 'correct horse battery staple 42',
    hash: 'bcrypt$$2b$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2',
  },
  {
    name: 'passlib bcrypt_sha256 v2',
    form: 'bcrypt-sha256-passlib',
    secret: 'correct horse battery staple 42',
    hash: '$bcrypt-sha256$v=2,t=2b,r=10$abcdefghijklmnopqrstuu$yt0M7mgSHBvot3wxrFceUhWK0yaSqg2',
  },
  {
    name: 'bcrypt, 72-byte rule',
    form: 'bcrypt',
    secret: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxanything',
    hash: '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i',
  },
  {
    name: 'passlib pbkdf2_sha1',
    form: 'pbkdf2-passlib',
    secret: 'correct horse battery staple 42',
    hash: '$pbkdf2$131000$MDEyMzQ1Njc4OWFiY2RlZg$EwEfYm9LJzrgYUOiuehVN2bf/pk',
  },
  {
    name: 'passlib pbkdf2_sha256',
    form: 'pbkdf2-passlib',
    secret: 'correct horse battery staple 42',
    hash: '$pbkdf2-sha256$29000$MDEyMzQ1Njc4OWFiY2RlZg$bx9c7BdgnoiY31F.6cJqODjVWQHr450g6opnrlJUoEU',
  },
  {
    name: 'passlib scrypt',
    form: 'scrypt-phc',
    secret: 'correct horse battery staple 42',
    hash: '$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rtuVO43TUGNhfPKvw9h+vlBQc2YoCwLNZjw47mnXgos',
  },
  {
    name: 'passlib sha256_crypt',
    form: 'sha256-crypt',
    secret: 'correct horse battery staple 42',
    hash: '$5$0123456789abcdef$ZOT4e8qCCJU.RfvS8lPx78e3gPCWDyygnjq4ig83Hg.',
  },
  {
    name: 'passlib sha512_crypt',
    form: 'sha512-crypt',
    secret: 'correct horse battery staple 42',
    hash: '$6$0123456789abcdef$b8vukqHGLRwbXLEJ21Sem5tYrmiRZpHKItAeAQvyeS0zZIHGbFvyczpHwqsqXc6twNPjRuj3vkUp7FBx8MlIq.',
  },
  {
    name: 'ldap ssha',
    form: 'ssha',
    secret: 'correct horse battery staple 42',
    hash: '{SSHA}A+7Poz9Sg07P7rlt2MGTdCeN1REwMTIzNDU2Nw==',
  },
  {
    name: 'ldap sha',
    form: 'sha1',
    secret: 'correct horse battery staple 42',
    hash: '{SHA}c78NaMkid7nPI2tF9ELFiADb5rg=',
  },
  {
    name: 'apr1',
    form: 'apr1',
    secret: 'correct horse battery staple 42',
    hash: '$apr1$01234567$yPql5mv3kzmfOe5b1en2O/',
  },
  {
    name: 'django pbkdf2_sha256',
    form: 'pbkdf2-django',
    secret: 'correct horse battery staple 42',
    hash: 'pbkdf2_sha256$260000$0123456789abcdef$NBsAmpDQC9MUC2WoJgxzTigJDgVQy+ZthI0xvGCJDxU=',
  },
  {
    name: 'django pbkdf2_sha1',
    form: 'pbkdf2-django',
    secret: 'correct horse battery staple 42',
    hash: 'pbkdf2_sha1$260000$0123456789abcdef$FQ8a6k7nWZFocrmJ5Pvbc8v52IA=',
  },
  {
    name: 'django sha1',
    form: 'sha1-django',
    secret: 'correct horse battery staple 42',
    hash: 'sha1$0123456789abcdef$f14cea26c41c609d29b27182ab32b4d52ebc7b30',
  },
  {
    name: 'django md5',
    form: 'md5-django',
    secret: 'correct horse battery staple 42',
    hash: 'md5$0123456789abcdef$c97676c9a171122666d440b57ad13b81',
  },
  {
    name: 'hydra pbkdf2-sha256',
    form: 'pbkdf2-phc',
    secret: 'correct horse battery staple 42',
    hash: '$pbkdf2-sha256$i=25000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$ziQlT6DyZorch1Ea7atXEjUU/Lj06E0xQy4CqmZ4qRg',
  },
  {
    name: 'keycloak 27500/64',
    form: 'keycloak',
    secret: 'correct horse battery staple 42',
    hash: '{"secretData":"{\\"value\\":\\"5V06zK72Glthd610s5g76ypd/WnLfioS9ijo4VYqSxQbJ2po6VA6SviFCxsHJqSJk6CMvE5F1jQoImuokaZ4Ag==\\",\\"salt\\":\\"MDEyMzQ1Njc4OWFiY2RlZg==\\"}","credentialData":"{\\"hashIterations\\":27500,\\"algorithm\\":\\"pbkdf2-sha256\\"}"}',
  },
  {
    name: 'keycloak 210000',
    form: 'keycloak',
    secret: 'correct horse battery staple 42',
    hash: '{"secretData":"{\\"value\\":\\"33oK/CNLXdkCjONp5RMAOTAVgtURf7hGg3rr/PtITd3HGvO3D3HxmkgYcewz5KtPvzo/bORr+FJgccMumk/BZQ==\\",\\"salt\\":\\"MDEyMzQ1Njc4OWFiY2RlZg==\\"}","credentialData":"{\\"hashIterations\\":210000,\\"algorithm\\":\\"pbkdf2-sha512\\"}"}',
  },
  {
    name: 'aspnet v2',
    form: 'aspnet-identity',
    secret: 'correct horse battery staple 42',
    hash: 'ADAxMjM0NTY3ODlhYmNkZWYOdk6wNTwnHO51gSA+vKaprm/FmfnhhaTjC1Rh4+m/1A==',
  },
  {
    name: 'aspnet v3',
    form: 'aspnet-identity',
    secret: 'correct horse battery staple 42',
    hash: 'AQAAAAIAAYagAAAAEDAxMjM0NTY3ODlhYmNkZWbQCXFgi08B3A9tsy3onvDtIeMTJbib39Q/oOmHPazH8w==',
  },
  {
    name: 'spring {pbkdf2} v5.5',
    form: 'pbkdf2-spring',
    secret: 'correct horse battery staple 42',
    hash: '{pbkdf2}30313233343536377ae627c4ab06af378b2d6cafd67a0b854c2951aeb7bbb068bb8221b4b7cf1e0d',
  },
  {
    name: 'spring {scrypt@SpringSecurity_v5_8}',
    form: 'scrypt-spring',
    secret: 'correct horse battery staple 42',
    hash: '{scrypt@SpringSecurity_v5_8}$100801$MDEyMzQ1Njc4OWFiY2RlZg==$gOMMZTTtpq4zFg4eMwPJEUnOmRfLzO66h2eebgUMsnI=',
  },
  {
    name: 'spring {sha256}',
    form: 'sha256-spring',
    secret: 'correct horse battery staple 42',
    hash: '{sha256}30313233343536373792f229aa3a85725f73675584df1ae11c42d62fc06de2b53d348eb6e6562a56',
  },
  {
    name: 'better-auth scrypt',
    form: 'scrypt-better-auth',
    secret: 'correct horse battery staple 42',
    hash: '30313233343536373839616263646566:dc7255da4e3979faf73b0629a02d2d151b4d5b22743e5e122c0831f7044fb99fb97dcf434020ab335d02fc1165779fc7686775b34b175a0ab45496c0eacc73e2',
  },
  {
    name: 'werkzeug scrypt',
    form: 'werkzeug',
    secret: 'correct horse battery staple 42',
    hash: 'scrypt:32768:8:1$0123456789abcdef$580f510c845201002bf3d6350d94b36dd2a598fa6cce50c24b19b9238f1fa798d39871bea415ff7edff72ad1a40f86bc2e95b6c595233a70ff21bb92113887e0',
  },
  {
    name: 'Ory Hydra, made by Hydra itself',
    form: 'pbkdf2-phc',
    secret: 'correct-horse-battery-staple',
    hash: '$pbkdf2-sha256$i=25000,l=32$Xk3NjhYzw2vo0iHb0dENsw$85qvQUf5V71AmArvdGdczye399QcGfByVrEhTAIX4XU',
  },
  {
    name: 'ASP.NET Identity 2, from its own tests',
    form: 'aspnet-identity',
    secret: 'my password',
    hash: 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==',
  },
  {
    name: 'ASP.NET Core Identity, from its own tests',
    form: 'aspnet-identity',
    secret: 'my password',
    hash: 'AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg/Q8A0WMKbtHQJQ2DHCdoEeeFBrgNlldq6vH4qX/CGqGQ==',
  },
  {
    name: 'Sanctum, the whole token',
    form: 'sha256-after-pipe',
    secret: '17|correct horse battery staple 42',
    hash: '4da30c37ee0ecc0369ee62679f2f78cd3187cacb8d790e899371257c964a90bd',
  },
  {
    name: 'sha256(salt+secret) hex',
    form: 'sha256-salt-first',
    secret: 'correct horse battery staple 42',
    hash: 'd4af1ff2745a4ddc32bb596030701d509afb88309fb58af57eff672fbc3a9502',
    salt: '0123456789abcdef',
  },
  {
    name: 'Django argon2',
    form: 'argon2',
    secret: 'correct horse battery staple 42',
    hash: 'argon2$argon2id$v=19$m=102400,t=2,p=8$MDEyMzQ1Njc4OWFiY2RlZg$e8tqMrOr9ssFJM0tmHXsNA',
  },
  {
    name: 'Django bcrypt_sha256',
    form: 'bcrypt-sha256-django',
    secret: 'correct horse battery staple 42',
    hash: 'bcrypt_sha256$$2b$10$abcdefghijklmnopqrstuuV.DOpbK7tk1RlydLsfyEDBLzMDd7Q2G',
  },
  {
    name: 'Kong hash_secret',
    form: 'pbkdf2-phc',
    secret: 'correct horse battery staple 42',
    hash: '$pbkdf2-sha512$i=10000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$g4DO69P4hGGc58W+fAB8ybvSVsm4pBpfYrs9ojRcv2w',
  },
  {
    name: 'spring {pbkdf2@SpringSecurity_v5_8}',
    form: 'pbkdf2-spring-5.8',
    secret: 'correct horse battery staple 42',
    hash: '30313233343536373839616263646566fd1083f723a7a4081d902b8b6c7114d10f3f7e56bb6c172a168368a26be26d3e',
  },
]

export const IMPORTED_SECRET_VECTORS = VECTORS.map(
  ({ name, secret, form, hash, salt = null, pepper = null }) => {
    const imported: ImportedSecret = { form, hash, salt, pepperId: pepper && 'a pepper' }
    // Another first and last character: some forms read only the beginning, or only the end.
    return { name, secret, otherSecret: `#${secret.slice(1, -1)}#`, imported, pepper }
  },
)
