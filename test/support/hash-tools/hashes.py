"""Hashes the secrets in the arguments by a module, and prints rows of form, secret, hash, salt and pepper."""

import base64
import hashlib
import hmac
import json
import sys

module, *secrets = sys.argv[1:]
SALT = 'a sält of 23 characters'
rows = []


def add(form, secret, text, salt=None, pepper=None):
    rows.append([form, secret, text, salt, pepper])


def b64(data):
    return base64.b64encode(data).decode()


def hash_with_hashlib(secret):
    data, salt = secret.encode(), SALT.encode()
    add('sha256', secret, hashlib.sha256(data).hexdigest())
    add('sha256', secret, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('='))
    add('sha512', secret, 'sha512$$' + hashlib.sha512(data).hexdigest())
    add('md5', secret, hashlib.md5(data).hexdigest())
    add('hmac-sha256', secret, hmac.new(b'pepper', data, 'sha256').hexdigest(), None, 'pepper')
    add('sha256-salt-first', secret, hashlib.sha256(salt + data).hexdigest(), SALT)
    add('sha256-salt-last', secret, hashlib.sha256(data + salt).hexdigest(), SALT)
    add('ssha', secret, '{SSHA}' + b64(hashlib.sha1(data + salt).digest() + salt))
    add('sha1-django', secret, 'sha1$' + SALT + '$' + hashlib.sha1(salt + data).hexdigest())
    spring = salt[:8] + data
    for _ in range(1024):
        spring = hashlib.sha256(spring).digest()
    add('sha256-spring', secret, '{sha256}' + (salt[:8] + spring).hex())
    derived = hashlib.pbkdf2_hmac('sha256', data, salt, 1234)
    add('pbkdf2-django', secret, f'pbkdf2_sha256$1234${SALT}${b64(derived)}')
    derived = hashlib.pbkdf2_hmac('sha512', data, salt, 1234, 32)
    phc = [b64(part).rstrip('=') for part in (salt, derived)]
    add('pbkdf2-phc', secret, f'$pbkdf2-sha512$i=1234,l=32${phc[0]}${phc[1]}')
    derived = hashlib.pbkdf2_hmac('sha1', data, salt[:8], 185000, 32)
    add('pbkdf2-spring', secret, '{pbkdf2}' + (salt[:8] + derived).hex())
    head = bytes([1]) + b''.join(n.to_bytes(4, 'big') for n in (2, 1234, len(salt)))
    derived = hashlib.pbkdf2_hmac('sha512', data, salt, 1234, 32)
    add('aspnet-identity', secret, b64(head + salt + derived))
    old = json.dumps({'value': b64(hashlib.pbkdf2_hmac('sha256', data, salt, 1234, 64)), 'salt': b64(salt)})
    how = json.dumps({'hashIterations': 1234, 'algorithm': 'pbkdf2-sha256'})
    add('keycloak', secret, json.dumps({'secretData': old, 'credentialData': how}))
    derived = hashlib.scrypt(data, salt=salt, n=1024, r=8, p=2, dklen=32)
    phc = [b64(part).rstrip('=') for part in (salt, derived)]
    add('scrypt-phc', secret, f'$scrypt$ln=10,r=8,p=2${phc[0]}${phc[1]}')
    add('scrypt-spring', secret, f'{{scrypt@SpringSecurity_v5_8}}$a0802${b64(salt)}${b64(derived)}')
    hexed = salt[:16].hex()
    derived = hashlib.scrypt(data, salt=hexed.encode(), n=16384, r=16, p=1, dklen=64, maxmem=1 << 27)
    add('scrypt-better-auth', secret, f'{hexed}:{derived.hex()}')


def hash_with_crypt(secret):
    import crypt

    add('sha256-crypt', secret, crypt.crypt(secret, '$5$rounds=1234$saltstring'))
    add('sha512-crypt', secret, crypt.crypt(secret, '$6$rounds=1234$saltstring'))
    add('sha512-crypt', secret, crypt.crypt(secret, '$6$saltstringsaltst'))
    add('bcrypt', secret, crypt.crypt(secret, '$2b$05$abcdefghijklmnopqrstuu'))
    add('bcrypt', secret, crypt.crypt(secret + 'pepper', '$2a$04$abcdefghijklmnopqrstuu'), None, 'pepper')
    digest = hashlib.sha256(secret.encode()).hexdigest()
    text = crypt.crypt(digest, '$2b$04$abcdefghijklmnopqrstuu')
    add('bcrypt-sha256-django', secret, 'bcrypt_sha256$' + text)
    mac = hmac.new(b'abcdefghijklmnopqrstuu', secret.encode(), 'sha256').digest()
    text = crypt.crypt(b64(mac), '$2b$04$abcdefghijklmnopqrstuu')
    add('bcrypt-sha256-passlib', secret, f'$bcrypt-sha256$v=2,t=2b,r=4$abcdefghijklmnopqrstuu${text[-31:]}')


def hash_with_werkzeug(secret):
    from werkzeug.security import generate_password_hash

    for method in ('scrypt', 'scrypt:1024:8:2', 'pbkdf2:sha256:1234', 'pbkdf2:sha512:1234'):
        add('werkzeug', secret, generate_password_hash(secret, method))


def hash_with_passlib(secret):
    from passlib import hash as h

    add('pbkdf2-passlib', secret, h.pbkdf2_sha256.using(rounds=1234).hash(secret))
    add('pbkdf2-passlib', secret, h.pbkdf2_sha512.using(rounds=1234).hash(secret))
    add('pbkdf2-passlib', secret, h.pbkdf2_sha1.using(rounds=1234).hash(secret))
    add('scrypt-phc', secret, h.scrypt.using(rounds=10).hash(secret))
    add('apr1', secret, h.apr_md5_crypt.hash(secret))


def hash_with_django(secret):
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.contrib.auth import hashers

    add('pbkdf2-django', secret, hashers.PBKDF2PasswordHasher().encode(secret, 'saltsaltsalt', 1234))
    add('pbkdf2-django', secret, hashers.PBKDF2SHA1PasswordHasher().encode(secret, 'saltsaltsalt', 1234))
    add('pbkdf2-django', secret, hashers.make_password(secret))


for each in secrets:
    globals()['hash_with_' + module](each)
print(json.dumps(rows))
